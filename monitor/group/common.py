"""How common English words are in news: those of more than one item in five hundred.

Counted over forty thousand items of 66 English feeds (September 2022 – May 2023). What is not listed
is rare, and worth most when two items share it. Words of other languages count as rare from their
length on (``fingerprint``): there is no such count for them yet.
"""

from __future__ import annotations

RARITY: tuple[tuple[float, str], ...] = (
    (
        0.0,
        """
after and are been but continue for from has have his its more new not over president putin
reading russia russian said says that the their this ukraine war was who will with world
""",
    ),
    (
        0.1,
        """
about according against all also back before being between biden can china com comments could
country cup day down during first former get government group had her home house how https into
iran iranian just last latest like made may military minister moscow most news now nuclear off
old one other out people police qatar saudi say security she since some state syria than there
they three time two vladimir week were what when which while would year years you your
""",
    ),
    (
        0.25,
        """
accused across administration again ago ahead aid air allies american amid among announced
another anti any arabia around arrested article attack attacks australia authorities away bank
because become behind benjamin best big black border both british call called calls case change
chief children chinese city claims cnet come comes company countries court crisis days dead deal
death decision defense department despite did died don early earthquake east election end energy
england europe european even ever every expected face family fans far few fight fighting final
fire five following football force forces foreign found four free friday full future game
general global going good head held help here high him history hit hours href human images
including international invasion israel israeli item joe key killed know known korea kremlin
kyiv law leader leaders least led left life live london long look major make making man many
march media meeting members men might million missile monday month months morning move much must
nation national nations nato near nearly need netanyahu next night north office official
officials oil only our own part party past photo place plan plans players points political post
power press price prime protests public put read recent region released report reported reports
return right rights run sanctions saturday saying school second secretary see seen series set
several should show shows six social south star start states still such sunday support swift
system take taking taliban talks team them then these those thousands through thursday today
told too took top troops trump tuesday turkey twitter ukrainian under united updates url use
used using very via video visit wagner want warns washington watch way weapons wednesday weeks
well west western where white why win without woman women won work working www ycombinator yet
york
""",
    ),
    (
        0.4,
        """
able access accuses act action actor address afghan afghanistan afp africa afternoon age agency
agreed agreement airport alleged allegedly alliance allow ally almost along already always
amazon america americans anniversary announcement announces annual app appeared appears apple
april arab area areas argentina armed arms army arrest asked attempt australian available avoid
backed bad bakhmut ballistic ban banned base based battle bbc became began beijing belarus
believe better beyond bid biggest bill billion blog board body book boost boss break briefing
bring britain brought build building built business buy california calling came campaign canada
canadian cap capital car care cause caused ceasefire center central centre ceo changes charge
charged charges charles child christmas cities citizens civil claim claimed class clear climate
close club cnn coalition coast coming committee community companies concerns conference
confirmed conflict congress content continues control controversial cost council coverage covid
crackdown create crime crimes criminal critical criticism current currently cut cuts daily
dangerous data daughter david deadly deals decade decades december defeat defence demand
democratic democrats desantis details detained development didn dies different digital
diplomatic director disaster discuss documents does doesn doing donald dozens drone drones due
each earlier eastern economic economy education effort efforts eight elections elon email emails
emergency emirates enough event everything evidence experience experts faces facing failed fall
families father fear fears feature features feb february federal feel female fifa film finally
financial find finland fired firm flight florida focus follow food footage forced forward
founder fox france french fresh friends front further games gamespot gas german germany gets
getting getty giant give given goal goes google gop got gov governor great green ground groups
growing guardian gulf half hand hands hard harry having health himself hits hold hope hopes
hospital host hour however huge hundreds image impact important incident include increase india
industry inflation information injured inside instead intelligence interest internet interview
investigation involved islamic isn issue issued issues itself jailed james jan january japan
jinping job john join joint journalist judge judicial justice keep kill killing king korean
large largest late later launch launched launches lawmakers lead leading league leave leaving
legal less let level light likely line link linked list little lives living local longer looking
looks lost lot love low main makes manager manchester mark market mass massive match matter
means meet member mercenary message met mexico microsoft middle millions ministers ministry
missiles missing moment money mother movie multiple murder music musk name needed needs network
never newsletter nine non northern nothing november number occupied october offensive offer
officers often once ongoing online open opening operation opposition order organization others
outside overhaul paris parliament parts pay peace per performance person personal phone pictured
planned planning plant platform play played player playing plus podcast point poland policy
politics popular possible potential powerful premier presidential pressure previously prices
prigozhin prince prison private pro production project protect protest protesters provide push
quake queen question questions race range rare rate reach ready real really received recently
record red regime relations relationship release remain remains rep reportedly republican
republicans rescue research residents response reuters reveal revealed reveals review rise rishi
rising risk role round royal rules running russians safety sale sales same sanctioned save saw
scale sea search season secret seeks senate send senior sent sentenced september serious service
services seven share shared shooting short shot showed showing side sign signed significant
single site small soldiers something son soon source southern space speaking speaks special
speech spending spy stadium staff stage started starting statement station stay step stop story
street strike strikes strong struck students sudan summer summit sunak supply supreme surprise
suspect suspected sweden syrian taken takes target targeting targets tax taylor teams tech
technology tehran tell tells tensions term territory test texas theguardian thing things think
third though threat threats ties tiktok times title together toll tour tournament toward towards
town trade training travel trial tried trip try trying turkish turn turned union university
until update urged urges users victims victory view violence volodymyr vote wales wanted wants
warned warning water ways weekend welcome went whether whose wife winning winter within workers
worth yevgeny young zaporizhzhia zelensky
""",
    ),
    (
        0.6,
        """
ability abortion above abroad abuse abuses accident account accounts actions active activist
activists activity actress actually add added adding additional adds admits admitted advance
advanced advantage adviser affairs affected african aftermath aged agencies agenda agent agents
aggression agree agrees aim aimed aims aircraft alarm albanese album alert alex alexander ali
alive allegations allowed allowing allows alone alongside alternative although ambassador amini
ammunition amount analysis analysts andrew android angeles anger announce answer answers anthony
antony anyone anything apartment apparent apparently appeal appear appearance approach approval
approved apps arabian aren arizona arm arrests arrive arrived arrives arriving arsenal art
articles artificial artist asia asian ask asking asks assad assault assets assistance associated
association asylum atomic attacked attempted attempting attempts attend attending attention
attorney audio august aukus austin author authority average award awards azerbaijan baby backing
backlash balloon banks bans bar bashar basic battery battlefield battles bay beach beat beaten
beating becomes becoming begin beginning begins begun believed believes below ben benefits
berlin bigger billionaire billions bills bin bit blame blamed blames blast blasts blinken bloc
block blocked blood blow blue bodies bolster bomb bombing books boris born box boy brand brazil
breaking breaks breakthrough bridge bringing brings broke broken brokered brother brussels
brutal budget buildings businesses buying cabinet camera camp cancer candidate cannot
capabilities capable captain capture captured carbon card career carolina carried carry carrying
cars cases cash cast casualties catch caught causing cease celebrate century ceremony certain
chain chair chairman challenge challenges champion champions championship chance chancellor
changed changing channel chaos character chatgpt check chelsea chiefs chip choice chris
christian church citing citizen civilian civilians claiming clash clashes classic classified
clean click closed closer cloud coach code cold collapse collapsed college combat comeback
command commander comment commission committed common compared competition complete completely
complex computer concern concerned concert condemned condemns condition conditions confirms
congressional connection consequences conservative consider considered considering conspiracy
construction continued continuing controlled controversy convicted cooperation coronation
corruption costs couldn counter counterpart county couple course cover covering crash created
creating credit crimea critic criticised criticized critics cross crowd crown crucial cruise
crypto culture custody customers cutting cyber damage damaged damascus danger daniel dark date
deadline deaths debate debt debut dec decide decided decisions declared deep defend delay
delayed delays deliver delivered delivery demanding demands democracy democrat demonstrations
denied denies deputy described design designed desperate destroyed destruction detention
devastating develop developer device devices die difficult dinner diplomat direct directly
discovered discussed dismissed disney display district dmitry doctor doctors document
documentary dog doha dollar dollars domestic done donetsk door double doubt dozen drama dramatic
draw dream drills drive driver driving drop dropped drops drug drugs dual dubai duty earth
earthquakes ease easier easy edge effect either electric electricity elite elizabeth else
embassy emerged employee employees ended ending ends enforcement english ensure enter
entertainment entire entry environment environmental envoy episode equipment era erdogan
escalation escape especially eve evening events everyone exactly example exchange exclusive
executed execution executions executive exercise exit expand expansion expect expensive expert
explained explains explosion explosions export exports exposed expressed extend extended extra
extreme extremely eye eyes facebook faced facility fact failing failure fake falling false
familiar famous fan fashion fast fatal favorite fbi featuring fed feeling feels fell fellow felt
field fifth fighter fighters figure figures file filed files finals finance finding finds fine
finish fires firing firms fix flag fled flee flights floor fly flying focused followed follows
foot form fourth franchise francisco fraud freedom friend friendly fuel fully fun fund funding
funds gain galaxy gaming gareth gathered gave gay gen gender generation george georgia girl
girls github gives giving glance goals god gold golden golf gone governments grain grand grant
greater greatest grow grows growth guard guards guide guilty gun hackers hair hall halt handed
happen happened happening happy hasn hate haven heading headlines headquarters heads hear heard
hearing heart heat heavy helped helping hero herself hidden higher highest highlights highly
hijab hill hints historic hitting holding holds holiday hollywood homes hoping horror hosting
hosts hot hotel housing html humanitarian hunt hunter hurt husband icc idea identified identity
iii illegal illustration immediate immediately immigration imposed improve inch included
includes increased increasing increasingly independent indian indictment individuals industrial
influence infrastructure initial injuries injury inspired instagram intel intended intense
intercept intercontinental internal introduced invaded investigating investment investors
invited involvement involving iphone iranians iraq ireland isis island israelis italian italy
items jack jail jake japanese jens jerusalem jet jets jewish jim jobs johnson joined joining
joins jonathan jones jong jordan journal journalists journey judiciary july june kabul keeping
keeps kept kevin kherson kick kids killer kills kim kind kingdom knew knows kurdish labor labour
lack lake land landed language laptop largely launching lavrov lawmaker laws lawsuit lawyer
lawyers leadership leads leak leaked learn learned learning leaves lee legacy legislation letter
levels lgbtq liberal limit limited lines links lionel lived liverpool liz looked los lose losing
loss losses lower luxury machine macron magnitude mahsa mail majority maker male managed
management marked markets marks martin matches material matt max mayor mccarthy mean meant
measure measures medical meetings meets meghan melbourne membership memory mental mercenaries
messages messi meta michael mid midterm migrant migrants mike miles militants mind minute
minutes miss missed mission mistake mobile model models modern mohammed moments moon morality
morocco mostly mount moved movement moves movies moving mps multi murdered named names nasa
nationwide natural navy nbc negotiations net netflix netherlands newly nfl nintendo normal note
notes notorious nov nsw numbers oct offered offering offers officer officially ohio older
oligarch ones onto opec opened opens operations opinion opponents opportunity option options
ordered orders org organizations original orthodox overnight owned owner owners pacific package
pact page paid pair pakistan palace palestinian pandemic panel parade paramilitary parents park
particularly parties partner partners partnership pass passed passes path paul paying penalty
pentagon percent perfect perhaps period peter photos pic pick picture pictures piece pitch
placed places plane planet plants platforms plays please pledge pledges plenty plot policies
politicians poll polls pool poor pop population port position positions positive possibility
posted posts potentially powered powers pre prepare prepared prepares preparing presence present
pretty prevent previous primary prisoner prisoners prize probably probe problem problems process
produce produced producer product products professional profile program progress projects
prominent promise promised promises propaganda property proposal proposed prosecutor prosecutors
prospect protection provided providing province publicly published pull pulled purchase pushed
pushes pushing puts putting qatari quality quarter quick quickly quite racist radio raid rain
raise raised raises raising rally ran rape rapid rates rather reached reaching reaction reality
reason reasons rebel receive receiving recep records recovery reduce reform reforms refugee
refugees refused refuses refusing regional regions regular rejected rejects related releases
relief religious remaining remarks remote remove removed renewed replace reporter reporters
reporting republic request required rescued researchers reserve resources respond responsibility
responsible rest restore restrictions result results resume retired returned returning returns
revolution revolutionary rich richard rises risks rival rivals river riyadh road robert rock
rocket ron ronaldo room rose row rubble rule ruled ruling runs safe salman sam samsung san
sanction satellite scandal scene scheduled scheme schools science scientists score scores scott
screen sean seat seconds sector secure seeing seek seeking seem seemed seems sees seized self
sell selling semi sen senator sending sends sense sensitive sentence sentences seoul sept sergei
seriously serve served serving sets setting settlement severe sex sexual shadow shares sharing
shift ship shock shocking shop shopping shortly shown shut sides signs silicon similar simple
simply singer sister sites situation size sky slammed slams slow smart smith soccer society
software sold solution someone sometimes song sought sound sounds sources soviet spain sparked
speak speaker speed spend spent spoke spokesman spokesperson sport sports spot spotted spread
spring spying squad square stance stand standard standing stands stars starts status steps
stoltenberg stopped store stories storm strategic strategy stream streaming streets struggle
struggling stuck student studio study stunning style subject submarine submarines submitted
success successful suddenly suffered suffering suggest suggested suggests suicide suit sun super
supplies supporters supporting sure surge surrounding surveillance survivors suspended swap
switch sydney syrians systems table tactical taiwan takeover talk talking tank tanks targeted
task tayyip teacher tears teen television telling ten tens terms terror terrorism terrorist
tesla testing tests text thanks themselves thinking thomas thought threatened threatening
threatens throughout ticket ticketmaster tickets tips tom tool tools tory total touch tough
track traditional traffic trailer train trans transfer transgender trapped treasury treatment
treaty tries truce true truss trust truth turning turns tweet twice uae ukrainians ultra unable
understand unique unit unlikely unprecedented unrest unveiled unveils upcoming upon uranium urge
urging usa user uses valley value various vehicle vehicles verge version veteran vice victim
videos views village violent viral virginia visited visiting visits vital voice voted voters
votes vowed vows wait waiting wake walk walking wall warm warn warnings warrant wars wasn waste
watchdog watched watching waters wave weapon wear wearing weather web website whole wide widely
widespread wild william willing windows wing winner wins withdrawal woke word words worked
worker works worried worry worse worst wounded write writer writes writing written wrong wrote
xbox yemen yesterday youtube zealand zelenskiy zelenskyy zero zone
""",
    ),
)


def table() -> dict[str, float]:
    """Word → rarity, 0 (in every item) to 1 (not listed)."""
    return {word: rarity for rarity, words in RARITY for word in words.split()}
