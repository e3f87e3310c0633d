"""What headlines say happened, in words of six languages: a small lexicon for comparing texts.

A watch's gazetteer knows its own subject; two reports in two languages also share plain words of news
("storm", "ливень", "عاصفة"), which no indicator needs. Each line is one notion: beginnings of words,
``=`` before a word that must be whole. What is listed decides no hit, only whether two items tell of
the same thing. An indented line goes on from the one before.
"""

from __future__ import annotations

from monitor.text import fold

_NOTIONS = """
agree: agree accord deal pact | соглашен договор согласов | توافق موافقت پیمان | اتفاق يتفق اتفق
  تتوصل | угод домовил погод | הסכם סיכמו סוכם הסכימו
sign: sign inked | подпис | امضا | توقيع يوقع وقع توقع | підпис | חתמ חתימ
approve: approv ratif pass =passes adopt | одобр ратифи принял | تصویب | يقر =تقر أقر صادق |
  схвал ратифік | אישר אושר
vote: vote ballot lawmaker | голос депутат | =رأی نماینده | صوت تصويت نواب | голос депутат |
  הצבע
parliament: parliament majlis duma lawmaker | парламент меджлис госдум | مجلس پارلمان | مجلس
  برلمان | парламент | פרלמנט כנסת
loan: loan credit lend | кредит заем займ | وام | قرض قروض | кредит позик | הלוואה
rail: rail =train =trains | железнодорож =дорог =дороги =дорогу поезд | قطار | سكة قطار | залізн | רכבת
ship: ship vessel tanker frigate boat | судно корабл контейнеровоз танкер фрегат | کشتی شناور
  ناو نفتکش | سفينة سفن ناقلة | судно корабл | אוניי ספינ =שיט
container: container | контейнер | کانتینر | حاويات | контейнер | מכולות
seize: seiz captur detain board | задерж захват | توقیف ضبط | احتجز يحتجز احتجاز صادر | захоп
  затрим | השתלט תפס
port: =port =ports harbour harbor | порт =порту =порта | بندر | ميناء مرفأ | порт | נמל
grain: grain wheat corn | зерн пшениц | غلات گندم | حبوب قمح | зерн | תבואה דגן
storm: storm cyclone flood rain hurricane | ливень ливн шторм ураган наводн | توفان سیل باران |
  عاصفة فيضان إعصار | злива шторм буря | סופה סערה שיטפון
halt: halt suspend stop freez paus | останов приостан прекращ | توقف متوقف تعلیق | توقف وقف
  تعليق يوقف | зупин призупин пауз | עצר השע
earthquake: earthquake quake tremor magnitude | землетряс магнитуд | زلزله | زلزال هزة |
  землетрус | רעידת
hurt: hurt wound injur | ранен пострада | زخمی مصدوم مجروح | جرحى إصاب يصيب جريح | поранен |
  פצוע נפצע
kill: kill dead death die =dies toll slain | погиб убит гибел смерт жертв | کشته =جان مرگ | قتل
  مقتل قتيل وفاة ضحايا | загиб вбит жертв | הרוג נהרג מוות
attack: attack strike raid hit bomb shell assault | удар атак обстрел нападен налет | حمله
  بمباران | غارة غارات هجوم قصف ضرب | удар атак обстріл | תקיפ תקף פיגוע
destroy: destroy demolish wreck | уничтож разруш | نابود تخریب ویران | تدمر تدمير دمر | знищ
  зруйн | הרס השמיד
consulate: consul | консул | کنسول | قنصل | консул | קונסול
ambassador: ambassador envoy | посол посла послом послу | سفیر | سفير سفراء | посол посла |
  שגריר
summon: summon | вызвал вызван вызов | احضار | تستدعي استدع يستدعي | виклик | זימנ זומן
protest: protest demonstrat rally | протест митинг | اعتراض | احتجاج تظاهر | протест | מחאה
  מפגינ
note: =note memo document paper | нот =документ записк | یادداشت سند | مذكرة وثيقة | нота
  документ | מסמך
leak: leak | утечк слив | درز افشا | تسريب مسرب | витік | דלף שדלף
visit: visit arriv lands travel trip | прибыл прилетел визит посет | سفر وارد | يصل وصول زيارة
  يزور | прибу візит відвід | הגיע ביקור
meet: meet met talks summit host | встреч переговор принял | دیدار نشست مذاکره | لقاء يلتقي
  محادثات اجتماع تستضيف يستقبل مفاوض تفاوض | зустрі переговор | נפגש פגיש שיחות
first: first | перв | نخستین اولین | =أول =أولى | перш уперше | ראשונ
security-council: Совбез | الأمن | Радбез | מועצת
statement: statement | заявлен | بیانیه | بيان | заяв | הודעה הצהר
block: block veto | сорва заблок вето | مانع وتو | تعرقل عرقل فيتو | зірва заблок вето | חסמ וטו
condemn: condemn denounc | осуди осужд | محکوم | تدين يدين إدانة | засуд | גינ
aggression: aggress | агресс | تجاوز | عدوان | агрес | תוקפנ
offer: offer propos | предлож предлаг | پیشنهاد | تعرض عرض اقترح | пропон | הציע
readiness: ready willing | готов | آماده آمادگی | استعداد مستعد | готов | מוכן
mediate: mediat broker | посредн медиатор | میانجی | وسيط وساط | посередн | תיווך מתווכ
hostage: hostage captive | заложник | گروگان | رهائن رهينة | заручник | חטופ
ceasefire: ceasefire truce armistice halt pause | перемири =паузу прекращени | هدنة وقف |
  перемир | הפסקת
energy: energy power grid electric | энерг электро | انرژی برق نیروگاه | طاقة كهرباء الطاقة |
  енерг електро | אנרגיה חשמל
oil: oil crude barrel brent refiner | нефт баррел brent | نفت بشکه برنت | نفط برنت خام برميل |
  нафт барел | נפט
discount: discount cheap | скидк дисконт | تخفیف | خصم حسم | знижк | הנחה
price: price dollar slip slump surg | цен =цена доллар подешев подорож опустил | قیمت دلار | سعر
  أسعار دولار يتراجع | ціна долар | מחיר דולר
demand: demand | спрос | تقاضا | الطلب | попит | ביקוש
output: output production cuts | добыч сокращ | تولید کاهش | إنتاج خفض الخفض | видобут скороч |
  תפוקה קיצוץ
extend: extend prolong keep until | продл | تمدید | تمدد تمديد يمدد | продовж | האריך
september: september | сентябр | سپتامبر | سبتمبر أيلول | вересн | ספטמבר
bank: bank lender atm | банк банкомат кредитн | بانک خودپرداز | بنك بنوك صراف مصرف | банк | בנק
  כספומט
card: =card =cards | карт =картами | کارت | بطاق | картк | כרטיס
messaging: messag | сообщени | تراسل رسائل | повідомл | מסרים
trade: trade commerc tariff | торг | تجارت | تجارة تجار | торг | סחר
nuclear: nuclear atomic reactor uranium enrich | ядер атом реактор уран обогащ | رآکتور اورانیوم
  اتمی | نووي مفاعل يورانيوم ذري | ядер атом реактор | גרעינ כור אורניום
camera: camera surveill | камер | دوربین | كاميرا | камер | מצלמ
inspect: inspect | инспек провер | بازرس | تفتيش مفتش | інспек | פיקוח פקח
satellite: satellite | спутник | ماهواره | قمر | супутник | לוויין
launch: launch rocket orbit | ракетоносит запуст вывел запуск =Союз | پرتاب مدار | إطلاق بصاروخ
  | запуст | שיגור
missile: missile | ракет | موشک | صاروخ صواريخ | ракет | טיל
drone: drone uav unmanned shahed | дрон беспилот бпла шахед | پهپاد شاهد | مسير درون | дрон
  безпілот шахед | כטב רחפנ שאהד
engine: engine motor | двигател мотор | موتور | محرك | двигун мотор | מנוע
parts: part component | детал компонент запчаст | قطعات قطعه | قطع مكونات | детал | חלקי רכיב
crate: crate =box =boxes | ящик | جعبه | صندوق | ящик | ארגז
shell: shell =shells ammunition artillery munition | снаряд боеприпас | گلوله مهمات | قذائف
  قذيفة ذخيرة | снаряд | פגז
jet: jet fighter trainer aircraft plane sukhoi yak | самолет истребител машин | جنگنده فروند
  سوخو یاک هواپیما | طائر مقاتل سوخوي ياك | літак винищув | מטוס
airline: airline airways carrier flight | авиакомпан рейс | هواپیمایی پرواز | طيران رحلات |
  авіакомпан рейс | תעופה טיס
deliver: deliver handover suppl arriv receive transfer | поставк поставил достав передач передал
  получил | تحویل ارسال رسید انتقال | تسليم تسلم تتسلم وصول نقل | достав переда отрим привіз |
  הועבר מסר קיבל אספק
postpone: postpon delay reschedul | перенес отлож | موکول تعویق | تؤجل تأجيل أجل | відклад
  перенес | דח
drill: drill exercise manoeuv maneuv | учени маневр | رزمایش تمرین | مناور تدريب | навчан маневр
  | תמרון תרגיל
naval: naval navy =sea | морск вмс вмф | دریایی | بحري | морськ | ימי
sanction: sanction blacklist designat | санкц | تحریم | عقوب تعاقب | санкц | סנקצ עיצומ
plant: plant factory factories | завод | کارخانه | مصنع مصانع | завод | מפעל
network: network | сеть сети | شبکه | شبكة | мереж | רשת
company: company companies firm | компани фирм | شرکت | شركة شركات | компан фірм | חברת חברה
base: =base =bases | =база базе базы авиабаз | پایگاه | قاعدة قواعد | =база базі | בסיס
withdraw: withdraw pull evacuat remov =flies | вывод вывоз вывел | خروج خارج | انسحاب سحب إجلاء
  نقل | виво | נסוג פינ
new-rulers: rulers | власт =новым | حکومت جدید | حكام الجدد | влад | שלטונ
line: deconflict hotline coordinat | =лини координац | هماهنگی | تنسيق | координ | תיאום
system: early-warning warning | предупрежд оповещ | هشدار | إنذار | сповіщ | התרע
helicopter: helicopter chopper | вертолет | بالگرد هلیکوپتر | مروحية هليكوبتر | гелікоптер
  вертоліт | מסוק
crash: crash | крушени катастроф разби | سقوط سانحه | تحطم سقوط | катастроф | התרסק
president: president | президент | رئيس الرئيس | президент | נשיא
opposition: opposition dissident | оппозиц | مخالف اپوزیسیون | معارضة | опозиц | אופוזיצ
election: elect poll | выбор избран | انتخابات | انتخاب | вибор обран | בחירות
arrest: arrest jail prison detain | арест задержа тюрьм | بازداشت زندان | اعتقال سجن | арешт |
  מעצר כלא
execute: execut hang | казн | اعدام | إعدام | страт
trial: trial court verdict sentenc | суд приговор | دادگاه محاکمه | محكمة محاكمة | суд вирок |
  משפט
fire: =fire =blaze explosi blast | пожар взрыв | انفجار | حريق انفجار | пожеж вибух | שריפ פיצוץ
concert: concert =mall | концерт | کنسرت | حفلات | концерт | קונצרט
claim: =claims responsibility | ответственност | مسئولیت مسئول | يتبنى تبنت مسؤولية |
  відповідальн | אחריות
depot: depot warehouse | склад | انبار | مستودع مخازن | склад | מחסנ
hezbollah: hezbollah hizbollah | хезболл | хезболл | חיזבאללה
hamas: hamas | хамас | حماس | حماس | хамас | חמאס
parade: parade unveil | парад показал презент | رژه رونمایی | تعرض استعراض | парад | מצעד הציג
shoot-down: downs =downed shoot intercept | сбил сбит перехват | سرنگون رهگیری | أسقط تسقط
  اعتراض | збил збит | הפיל יירט
night: overnight night | ночь ночью ночи | شب شبانه | ليل ليلي | ніч | לילה
customs: customs | тамож | گمرک | جمار | митн | מכס
corridor: corridor transit | коридор транзит | کریدور ترانزیت | ممر عبور | коридор | מסדרון
border: border frontier | границ | مرز | حدود | кордон | גבול
island: island | остров | جزایر جزیره | جزر جزيرة | остров | איים
pipeline: pipeline | трубопровод газопровод | أنابيب | трубопровод | צינור
football: football soccer match =cup | футбол матч | فوتبال | كرة مباراة | футбол матч | כדורגל
economy: econom inflation budget | эконом инфляц бюджет | اقتصاد تورم بودجه | اقتصاد تضخم |
  економ інфляц | כלכל אינפלציה
currency: currenc rial rouble ruble | валют рубл риал | ارز ریال روبل | عملة ريال روبل | валют |
  מטבע
refugee: refugee migrant | беженц мигрант | پناهنده مهاجر | لاجئ مهاجر | біженц | פליט
mobilise: mobilis mobiliz conscript draft | мобилиз призыв | بسیج سربازی | تعبئة تجنيد | мобіліз
  | גיוס
resign: resign dismiss sack | отставк уволен | استعفا برکنار | استقالة إقالة | відстав звільн |
  התפטר פוטר
hack: hack cyber | хакер кибер | سایبری هک | سيبران اختراق | хакер кібер | סייבר
spy: =spy =spies espion intelligen | шпион разведк | جاسوس اطلاعات | تجسس جاسوس استخبار | шпигун
  розвідк | ריגול מודיעין
hospital: hospital clinic | больниц | بیمارستان | مستشفى | лікарн
school: school student universit | школ студент универс | مدرسه دانشجو دانشگاه | مدرسة طلاب
  جامعة | школ студент | סטודנט אוניבר
gas: =gas =lng | =газ газа газов | گاز | الغاز غاز | =газ газу | =גז
bridge: bridge | мост | جسر | міст | גשר
dam: =dam =dams | плотин дамб | дамб гребл | סכר
swap: swap exchange | обмен | تبادل مبادله | تبادل | обмін | חילופי
terror: terror extremis | террор | تروریست | إرهاب | терор | טרור
"""


class Lexicon:
    """Which notion a folded, casefolded word stands for."""

    def __init__(self, text: str = _NOTIONS) -> None:
        self._whole: dict[str, str] = {}
        self._begin: dict[str, str] = {}
        for line in text.strip().replace("\n  ", " ").splitlines():
            name, _, forms = line.partition(":")
            for form in forms.replace("|", " ").split():
                word = fold(form.strip("=")).text.casefold()
                if word.isalpha():
                    table = self._whole if form.startswith("=") else self._begin
                    table.setdefault(word, name.strip())
        self._lengths = sorted({len(each) for each in self._begin}, reverse=True)

    def notion(self, word: str) -> str | None:
        """The notion of a word as it stands; the longest beginning wins."""
        found = self._whole.get(word)
        if found is not None:
            return found
        for length in self._lengths:
            if length <= len(word):
                found = self._begin.get(word[:length])
                if found is not None:
                    return found
        return None
