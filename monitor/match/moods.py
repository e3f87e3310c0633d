"""Whether an action is told as done: what negates it, makes it possible or puts it in the future.

A cue somewhere in the sentence does not do ("Iran, which has not ratified it, sends drones"): what
counts stands in the verb group of the action, before it with nothing but auxiliaries, or one verb that
carries the noun, between ("did not impose sanctions"); in Persian, whose verb comes last, at the end of
its clause. Nothing is looked for beyond a clause, and only in tables of the item's own language.

Sources: Quirk et al. 1985 (CGEL); Русская грамматика 1980 (РГ); Вихованець 1993; Ryding 2005; Glinert
1989; Windfuhr & Perry 2009.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from monitor.model import Stage
from monitor.text import Document, fold

REACH = 6
"""Words from an action at which what governs it is looked for."""

FINAL = 9
"""The same in Persian, from the noun of an action to the verb at the end of the clause."""

RANK: tuple[Stage, ...] = ("denied", "threat", "decision")
"""Earlier ones prevail: what may not be done is not done."""

Mood = tuple[Stage, int, int]
"""The stage, and the positions of the words that tell it."""


def _words(text: str) -> frozenset[str]:
    return frozenset(fold(text).text.casefold().split())


def _starts(text: str) -> re.Pattern[str]:
    """Words that begin so, or with ``$`` at the end are so."""
    return re.compile("(?:" + "|".join(fold(text).text.casefold().split()) + ")")


_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What one language has for it. All words are folded as items are."""

    no: frozenset[str]  # negates the verb that follows
    nothing: frozenset[str] = frozenset()  # negates the noun that follows: "no new sanctions"
    refuses: re.Pattern[str] = _NOTHING  # verbs that negate what they govern
    may: frozenset[str]
    will: frozenset[str]
    between: frozenset[str]  # auxiliaries, adverbs and particles of a verb group
    chain: re.Pattern[str]  # verbs and adjectives that take another verb
    light: re.Pattern[str]  # verbs that carry a noun of action
    future: re.Pattern[str] = _NOTHING  # forms of verbs that are future in themselves
    only: frozenset[str]  # after a negator: "not only", "не менее"
    still: frozenset[str] = frozenset()  # before a negator that does not negate
    ends: frozenset[str]  # words that begin another clause
    prepositions: frozenset[str] = frozenset()


ENGLISH = Grammar(
    # CGEL 10.54–10.57: not and n't follow the operator, never stands in its place; "cannot" is one word.
    no=_words("not t never cannot nor neither none"),
    nothing=_words("no"),
    refuses=_starts("refus(?:e|es|ed|ing)$ declin(?:e|es|ed|ing)$ fail(?:s|ed|ing)?$"),
    # CGEL 4.49–4.56: possibility, and what is hypothetical.
    may=_words("may might could would likely"),
    # CGEL 4.42–4.48: the future by will, be going to, be about to, be to.
    will=_words(
        "will ll shall plans plan planned planning intends intend intending ready prepares prepare "
        "preparing prepared set poised about going due aims readies readying"
    ),
    between=_words(
        "be been being have has had is are was were do does did to also now already yet even ever "
        "again soon still officially formally longer directly itself themselves immediately any "
        "currently actually"
    ),
    chain=_starts(
        "plan intend ready prepar agree$ agreed$ decid going$ able$ want begin$ beg[au]n$ start will$ "
        "would$ could$ may$ might$ willing$ set$ try$ tried$ trying$ allow$ allowed$ seek$ vow poised$ "
        "expected$ likely$ about$"
    ),
    light=_starts(
        "impos carr(?:y|ied|ying)$ launch conduct ma(?:ke|kes|de|king)$ approv adopt sign$ signed$ "
        "introduc slap mount order start began$ begin begun$ resum deliver send$ sent$ provid "
        "suppl(?:y|ied|ying)$ giv(?:e|en|ing)$ reach hold$ held$ place$ put$ take$ taken$ took$ "
        "extend expand renew add$ added$ agree us(?:e|ed|ing)$ sell$ sold$ transfer"
    ),
    only=_words("only just merely simply least rule ruled deny denied stop stopped halt hesitate"),
    ends=_words(
        "that which who whom whose while after before as because when if although though whether "
        "where since until but despite and or so than once unless"
    ),
    prepositions=_words("of on in at by for from to with against over into about after"),
)

RUSSIAN = Grammar(
    # РГ II, Отрицание: не stands before what it negates; ни разу, никогда only beside it.
    no=_words("не"),
    nothing=_words("никаких нет никакие"),
    refuses=_starts("отказал(?:ся|ась|ись|ось)$ отказыва(?:ется|ются|лся|лась|лись)$ отказать(?:ся)?$"),
    # РГ II, Модальность: может, возможно; мог бы.
    may=_words("может могут мог могла могли возможно вероятно бы"),
    # РГ I, Время глагола: the future of the imperfective with буду; of the perfective the present form.
    will=_words(
        "будет будут будем буду намерен намерена намерены готов готова готовы готовится готовятся "
        "планирует планируют собирается собираются хочет хотят обещает обещают"
    ),
    between=_words(
        "бы уже еще пока больше и был была были быть было также официально ни разу никогда вновь "
        "снова скоро лично сама сам прямо к"
    ),
    chain=_starts(
        "стал(?:а|и|о)?$ станет$ станут$ будет$ будут$ буд[еу] намерен готов планир собира хоч хот "
        "мо[гж] смог смож реш[иа] согла начал начин хотел обеща"
    ),
    light=_starts(
        "вв[ео] ввод нан[оеё] подпис провод пров[её]л соверш осуществ нач[аи]л нач[аи]н принял "
        "приним заключ отправ передал передав направ выдал предостав достиг объяв постав продал "
        "продав утверд одобр расшир состо"
    ),
    future=_starts(
        "введ(?:ет|ут)$ постав(?:ит|ят)$ переда(?:ст|дут)$ отправ(?:ит|ят)$ прода(?:ст|дут)$ "
        "подпиш(?:ет|ут)$ нанес(?:ет|ут)$ купит$ получ(?:ит|ат)$ начн(?:ет|ут)$ направ(?:ит|ят)$ "
        "предостав(?:ит|ят)$ заключ(?:ит|ат)$ расшир(?:ит|ят)$ нараст(?:ит|ят)$ постро(?:ит|ят)$ "
        "увелич(?:ит|ат)$ сможет$ смогут$ провед(?:ет|ут)$ удар(?:ит|ят)$ примет$ примут$"
    ),
    only=_words("только просто менее исключает исключил исключила исключают раз отрицает прекратит "
                "прекращает прекратил откажется прекращала прекращал"),
    ends=_words("что который которая которые которого чтобы когда если поскольку хотя но а и или "
                "где после однако"),
    prepositions=_words("в на о об для от из с со по к против за"),
)  # fmt: skip

UKRAINIAN = Grammar(
    # Вихованець 1993, заперечення: не before what it negates; жоден and немає with the genitive.
    no=_words("не"),
    nothing=_words("жодних немає нема жодної жодного"),
    refuses=_starts("відмов(?:ився|илася|илися|илась|ились|ляється|ляються|лявся)$"),
    may=_words("може можуть міг могла могли можливо ймовірно би б"),
    will=_words(
        "буде будуть будемо планує планують готується готуються готовий готова готові збирається "
        "збираються має мають хоче хочуть обіцяє намір"
    ),
    between=_words("би б уже вже ще поки більше й був була були бути було також офіційно жодного разу "
                   "ніколи знову скоро до"),
    chain=_starts("ста(?:в|ла|ли|ло|не|нуть)$ буде$ будуть$ планує готов збира хоч хоті м[оі][гж] "
                  "змо[гж] зміг виріш погод поч[аи] має$ мають$ намір$"),
    light=_starts(
        "вв[еіо] запров завд[аі] підпис пров[оеі] здійсн поч[аи] ухвал прийн прийм уклал укла "
        "надісл надсил відправ переда направ надав надал досяг оголос постач прода затверд розшир "
        "наклад накла"
    ),
    # Вихованець 1993, час дієслова: the synthetic future, -тиме; the perfective present.
    future=_starts(
        r"\w+тим(?:е|уть|емо)$ введ(?:е|уть)$ запровад(?:ить|ять)$ переда(?:сть|дуть)$ надішл(?:е|уть)$ "
        "відправ(?:ить|лять)$ підпиш(?:е|уть)$ завда(?:сть|дуть)$ прода(?:сть|дуть)$ надад(?:уть)$ "
        "надасть$ купить$ отрима(?:є|ють)$ почн(?:е|уть)$ поставить$ провед(?:е|уть)$ укладе$ "
        "розшир(?:ить|ять)$ зможе$ зможуть$ вдар(?:ить|ять)$"
    ),
    only=_words("тільки лише просто менш виключає виключають раз заперечує припинить припиняє"),
    ends=_words("що який яка які якого щоб коли якщо оскільки хоча але а і й або де після однак"),
    prepositions=_words("в у на про для від з із по до проти за"),
)  # fmt: skip

ARABIC = Grammar(
    # Ryding 2005, ch. 37: لم and the jussive, لن and the subjunctive, لا, ما, ليس.
    no=_words("لم ولم فلم لن ولن فلن لا ولا ما ليس ليست عدم لما"),
    nothing=_words("دون بدون"),
    refuses=_starts("و?(?:ت|ي)?رفض(?:ت|وا)?$ (?:ت|ي)متنع$ امتنع(?:ت)?$"),
    # Ryding 2005, ch. 21: قد before the imperfect is possibility, before the perfect not.
    may=_words("ربما يمكن قد وقد يحتمل محتمل احتمال"),
    # Ryding 2005, ch. 21: سوف and the future proclitic س.
    will=_words("سوف وسوف تعتزم يعتزم تنوي ينوي تستعد يستعد تخطط يخطط عازمه"),
    between=_words("قد ان تم يتم بعد ايضا ابدا قط حتي الان بان علي"),
    chain=_starts("يكن$ تكن$ يعد$ تعد$ (?:ت|ي)قرر$ (?:ت|ي)وافق$ (?:ت|ي)قم$ (?:ت|ي)قوم$ (?:ت|ي)بدا$"),
    light=_starts(
        "[سي]?[سيت]?(?:فرض|شن|نفذ|وقع|عقد|قم$|قوم|بدا|تم$|رسل|سلم|قدم|علن|جر|وافق|نجز|توصل|صدر) "
        "(?:فرض|شن|نفذ|ارسال|تقديم|تنفيذ|توقيع|تسليم)"
    ),
    # Of verbs that are listed, as nouns begin so too: سنوات, سياسة, سيارة.
    future=_starts(
        r"[وف]?س[تين](?:فرض|شن|نفذ|وقع|عقد|قوم|بدا|رسل|سلم|قدم|علن|جر[يو]|زود|بيع|شتري|منح|نقل|ضرب|قصف|"
        r"هاجم|ستهدف|رد$|دعم|ستانف|واصل|طلق|وجه|صدر|ورد|حصل|ستلم|تلقي|شارك|زور|لتقي|كون|تم$|نشر|رفع|"
        r"خفف|بني|طور|خصب|نسحب|غادر|عود|تعاون|نضم|وافق|صادق|جتمع|تسلم|عزز|وسع|شدد|عاقب)\w*"
    ),
    only=_words("يزال تزال زال زالت زالوا سيما تستبعد يستبعد بد شك تنفي ينفي باس يقل تقل فقط تتوقف "
                "يتوقف سوي لبس"),
    still=_words("كل بعد عند حين بين قبل مع اذا هو كان"),
    ends=_words("ان انها انه التي الذي الذين اذا عندما بينما لكن حيث كما لان حين فيما لكنها وقال "
                "وقالت ولكن بل"),
    prepositions=_words("من علي في الي عن مع ضد"),
)  # fmt: skip

HEBREW = Grammar(
    # Glinert 1989, negation: לא before the verb, אינו before the present, טרם "not yet".
    no=_words("לא ולא שלא אינו אינה אינם אינן טרם מעולם"),
    nothing=_words("אין ואין בלי ללא"),
    refuses=_starts("סירב(?:ה|ו)?$ מסרב(?:ת|ים|ות)?$ נמנע(?:ה|ו|ת|ים)?$"),
    # Glinert 1989, modality: עשוי, עלול, יכול and the infinitive.
    may=_words("עשוי עשויה עשויים עשויות עלול עלולה עלולים עלולות אולי ייתכן יכול יכולה יכולים"),
    # Glinert 1989, modality: מתכוון, עומד, מתעתד and the infinitive.
    will=_words("מתכוון מתכוונת מתכוונים מתכננת מתכנן מתכננים עומדת עומד עומדים צפויה צפוי צפויים "
                "מתכוננת מתכונן מתעתדת מתעתד נערכת נערך מוכנה מוכן"),
    between=_words("את עוד עדיין כבר גם מעולם לא היה היתה הייתה יהיה תהיה אף פעם רשמית בקרוב שוב"),
    chain=_starts("החליט(?:ה|ו)?$ הסכים$ הסכימה$ מתכו עומד צפוי החל(?:ה|ו)?$ תחל$ יחל$ מתכנ יכול מוכן"),
    light=_starts("הטיל(?:ה|ו)?$ [תימלנ]{0,2}טיל(?:ה|ים|ו)?$ ביצע [תימלנ]{0,2}בצע חתמ חתם$ אישר העביר "
                  "[תימלנ]{0,2}העביר שלח סיפק [תימלנ]{0,2}ספק פתח ניהל הגיע [תימלנ]{0,2}הטיל נחתמ נחתם "
                  "הוטל בוצע נערכ ערכ אימצ"),
    # Glinert 1989, tense: the future begins with י, ת or נ; these are no past of theirs.
    future=_starts(
        "ו?ש?[ית](?:ספק|עביר|מכור|טיל|שלח|רכוש|קנה|חתום|בצע|תקוף|אשר|קדם|תחיל|פתח|מסור|ייצא|קבל|פציץ|"
        "רחיב|קים)ו?$"
    ),
    only=_words("רק שוללת שולל פחות מכחיש מכחישה תפסיק יפסיק מפסיקה"),
    ends=_words("כי אם כאשר בעוד אבל לאחר אשר מפני אלא או כדי"),
    prepositions=_words("על של עם נגד מן אל בין"),
)  # fmt: skip

PERSIAN_ENDS = _words("که اگر چون زیرا اما ولی وقتی هنگامی تا و یا گفت گفتند")
# Windfuhr & Perry 2009, the verb: ن before the verb, نمی in the present; the copula نیست
# negates no action. Not نبرد “battle”, نزد “with”, نزدیک “near”.
_persian_not = re.compile(
    fold(
        r"(?:نمی\w*|ن(?:کرد|کن|داد|ده|شد|شو|فرستاد|فروخت|زدند|زده|گرفت|گیر|داشت|دار|"
        r"خواه|پذیرفت|یافت|گذاشت|ساخت|خرید|بود|باید|بسته|رسید|توان|آورد)\w*)$"
    ).text
)
_persian_will = _words("خواهد خواهند خواهیم خواهم")
# Windfuhr & Perry 2009, the verb: ممکن است, شاید and توانستن with the subjunctive.
_persian_may = _words("ممکن شاید احتمال احتمالا احتمالی تواند توانند بتواند")
_persian_plans = _words("قصد درصدد صدد آماده آمادگی قرار برنامه")
_persian_has = _words("دارد دارند است داریم هستند")
_persian_finite = re.compile(
    fold(
        r"(?:کرد|کردند|کند|کنند|داد|دادند|دهد|دهند|شد|شدند|شود|شوند|زد|زدند|گرفت|گرفتند|است|"
        r"بود|فرستاد|فروخت|گذاشت|رسید|یافت|دارد)$"
    ).text
)

GRAMMARS = {
    "en": ENGLISH,
    "ru": RUSSIAN,
    "uk": UKRAINIAN,
    "ar": ARABIC,
    "he": HEBREW,
}


Role = Literal["", "future", "nothing", "refuses", "no", "may", "will", "to"]


@lru_cache(maxsize=50_000)
def _role(lang: str, word: str) -> Role:
    """What a word can do to an action that follows; "" for nearly all."""
    grammar = GRAMMARS[lang]
    if word in grammar.no:
        return "no"
    if word in grammar.nothing:
        return "nothing"
    if word in grammar.may:
        return "may"
    if word in grammar.will:
        return "will"
    if word == "to" and lang == "en":
        return "to"
    if grammar.refuses.match(word):
        return "refuses"
    return "future" if grammar.future.match(word) else ""


class Moods:
    """How the actions of one item are told. ``actors`` gives the ends of mentions of possible doers."""

    def __init__(self, document: Document, actors: Callable[[], Collection[int]]) -> None:
        self._document = document
        self._actors = actors
        self._grammar = GRAMMARS.get(document.lang)
        self._known: dict[tuple[int, int], Mood | None] = {}

    def of(self, start: int, end: int) -> Mood | None:
        """What the action at the positions ``start`` … ``end - 1`` is told as; None if as done."""
        key = start, end
        if key not in self._known:
            moods: Iterable[Mood] = ()
            if self._grammar is not None:
                moods = self._found(self._grammar, start, end)
            elif self._document.lang == "fa":
                moods = self._persian(start, end)
            self._known[key] = min(moods, key=lambda mood: RANK.index(mood[0]), default=None)
        return self._known[key]

    def _before(self, start: int, reach: int, ends: Collection[str]) -> Iterator[tuple[int, str]]:
        """The words before a position in its clause, nearest first."""
        for at in range(start - 1, start - 1 - reach, -1):
            word = self._document.folded(at)
            if not word or self._document.boundary(at + 1) or word in ends:
                return
            yield at, word

    def _after(self, end: int, reach: int, ends: Collection[str]) -> Iterator[tuple[int, str]]:
        for at in range(end, end + reach):
            word = self._document.folded(at)
            if not word or self._document.boundary(at) or word in ends:
                return
            yield at, word

    def _found(self, grammar: Grammar, start: int, end: int) -> Iterator[Mood]:
        lang = self._document.lang
        if any(_role(lang, self._document.folded(at)) == "future" for at in range(start, end)):
            yield "decision", start, end
        passed: list[str] = []  # between the word that is looked at and the action
        for at, word in self._before(start, REACH, grammar.ends - grammar.no):
            role = _role(lang, word)
            if role and self._bears(grammar, role, at, passed):
                yield self._stage(grammar, role, at), at - (word == "t"), at + 1
            passed.insert(0, word)
        # A noun whose verb follows it: "sanctions were not imposed".
        for at, word in self._after(end, 4, grammar.ends):
            role = _role(lang, word)
            if role in ("no", "may", "will"):
                following = [each for _, each in self._after(at + 1, 3, grammar.ends)]
                rest = [each for each in following if each not in grammar.between]
                if rest and grammar.light.match(rest[0]) and rest[0] not in grammar.only:
                    yield self._stage(grammar, role, at), at, at + 1
                    return

    def _bears(self, grammar: Grammar, role: Role, at: int, passed: list[str]) -> bool:
        """Whether a word before an action bears on it, with these words between."""
        if role == "future":
            return len(passed) <= 4 and _near(grammar, passed)
        if role in ("no", "nothing") and passed and passed[0] in grammar.only:
            return False
        if role == "nothing":
            return len(passed) <= 2 and not grammar.prepositions.intersection(passed)
        if role == "no" and self._document.folded(at - 1) in grammar.still:
            return False
        # CGEL 4.48, 10.43: be to without be, in headlines: "Iran to send drones".
        if role == "to" and not (self._document.in_title(at) and at in self._actors()):
            return False
        if self._document.folded(at) == "t" and not self._document.folded(at - 1).endswith("n"):
            return False
        return self._governs(grammar, at, passed)

    def _stage(self, grammar: Grammar, role: Role, at: int) -> Stage:
        if role in ("no", "nothing", "refuses"):
            return "denied"
        if role != "may":
            return "decision"
        if self._document.folded(at) == "would" and self._reported(at):
            return "decision"  # CGEL 14.31: what was "will" before it was reported
        return "threat"

    def _reported(self, at: int) -> bool:
        return any(_says.match(self._document.folded(each)) for each in range(max(0, at - 6), at))

    def _governs(self, grammar: Grammar, at: int, passed: list[str]) -> bool:
        """Whether what stands at a position governs an action, with these words between."""
        word = self._document.folded(at)
        if grammar is ARABIC and word in _qad:
            # Before the perfect قد says that it has been done; the imperfect begins with ي or ت.
            following = passed[0] if passed else self._document.folded(at + 1)
            if not _imperfect.match(following):
                return False
        if grammar is ENGLISH and word in _adjectives and passed[:1] != ["to"]:
            return False
        rest = [each for each in passed if each not in grammar.between]
        while rest and grammar.chain.match(rest[0]):
            rest = [each for each in rest[1:] if each not in grammar.between]
        if not rest:
            return True
        return bool(grammar.light.match(rest[0])) and len(rest) <= 5 and _near(grammar, rest[1:])

    def _persian(self, start: int, end: int) -> Iterator[Mood]:
        done = bool(_persian_finite.match(self._document.folded(end - 1)))
        for at, word in self._after(end, 0 if done else FINAL, PERSIAN_ENDS):
            if _persian_not.match(word):
                yield "denied", at, at + 1
                return
            if word in _persian_will:
                yield "decision", at, at + 1
            elif word in _persian_may:
                yield "threat", at, at + 1
            elif word in _persian_plans and self._document.folded(at + 1) in _persian_has:
                yield "decision", at, at + 2
                return
            elif _persian_finite.match(word) and self._document.folded(at - 1) not in _persian_will:
                break
        for at, word in self._before(start, FINAL, PERSIAN_ENDS):
            if word in _persian_may:
                yield "threat", at, at + 1
            elif word in _persian_plans and self._document.folded(at + 1) in _persian_has:
                yield "decision", at, at + 2
            elif _persian_finite.match(word) and word not in _persian_has:
                return


_says = re.compile(r"(?:sa(?:y|ys|id)|told|announc|pledg|promis|vow|confirm|report)")
_adjectives = _words(
    "likely plans plan planned planning intends intend intending ready prepares prepare preparing "
    "prepared set poised about going due aims readies readying"
)
_qad = _words("قد وقد")
_imperfect = re.compile(r"(?:ي\w+|[تن]\w*[^ت])$")


def _near(grammar: Grammar, words: list[str]) -> bool:
    """Whether these words can stand between a verb and its object."""
    if grammar is ARABIC:  # verb – doer – object
        return len(words) <= 4
    return len(words) <= 3 and not grammar.prepositions.intersection(words)
