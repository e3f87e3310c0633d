"""What negates an action, makes it possible or puts it in the future: a table for each language.

The action is in [brackets], a doer that matters in {braces}. The rules are cited in
``monitor.match.moods``.
"""

from __future__ import annotations

import re

import pytest

from monitor.match.moods import Moods
from monitor.text import Document

_marked = re.compile(r"[\[\]{}]")


def told(text: str, lang: str) -> str:
    """The stage that the marked action is told at."""
    document = Document(_marked.sub("", text), "", lang)

    def words(piece: str) -> int:
        return len(Document(_marked.sub("", piece), "", lang).title.words)

    opening, closing = text.index("["), text.index("]")
    actors = {words(text[: at.end()]) for at in re.finditer("}", text)}
    mood = Moods(document, lambda: actors).of(words(text[:opening]), words(text[:closing]))
    return mood[0] if mood else "act"


ENGLISH = [
    ("did not before a light verb", "EU did not impose [sanctions] on Iran", "denied"),
    ("did not before the verb", "Iran did not [send] drones to Russia", "denied"),
    ("n't", "Iran didn't [send] drones", "denied"),
    ("a name that ends in t", "AT&T [sends] drones", "act"),
    ("never", "Iran has never [sent] drones", "denied"),
    ("not yet", "Iran has not yet [delivered] missiles", "denied"),
    ("no longer", "Iran no longer [sends] drones", "denied"),
    ("will not is not", "Iran will not [send] drones", "denied"),
    ("cannot", "Iran cannot [send] drones", "denied"),
    ("no before the noun", "No new [sanctions] imposed on Iran", "denied"),
    ("a passive after the noun", "[Sanctions] on Iran were not imposed", "denied"),
    ("a refusal", "EU refuses to impose [sanctions]", "denied"),
    ("a refusal of something else", "EU refuses comment on [sanctions]", "act"),
    ("not only", "Iran not only [sent] drones but trained crews", "act"),
    ("not of another clause", "Iran, which has not signed, [sends] drones", "act"),
    ("not before a conjunction", "Iran is not sorry that it [sent] drones", "act"),
    ("not of another verb", "Kyiv could not confirm Russian [strikes]", "act"),
    ("not stop", "Russia will not stop the [strikes]", "act"),
    ("no after the action", "Iran [sends] drones with no delay", "act"),
    ("the summary's end is not the title's", "Iran [sends] drones", "act"),
    ("may", "Iran may [send] drones", "threat"),
    ("May the month", "Iran in May 2023 [sent] drones", "act"),
    ("might before a light verb", "EU might impose new [sanctions]", "threat"),
    ("could", "Iran could soon [send] missiles", "threat"),
    ("would", "EU would impose [sanctions]", "threat"),
    ("would, reported", "EU said it would impose [sanctions]", "decision"),
    ("likely to", "Iran is likely to [send] drones", "threat"),
    ("likely without to", "Iran, likely with help, [sent] drones", "act"),
    ("will", "EU will impose [sanctions]", "decision"),
    ("plans to", "EU plans to impose [sanctions]", "decision"),
    ("ready to", "Iran is ready to [send] drones", "decision"),
    ("prepares to", "Iran prepares to [send] drones", "decision"),
    ("to in a headline", "{Iran} to [send] drones to Russia", "decision"),
    ("to after a verb", "{Iran} helped to [send] drones", "act"),
    ("may of casualties after the noun", "Israeli [strikes] may have killed ten", "act"),
]
RUSSIAN = [
    ("не before a light verb", "ЕС не ввел [санкции] против Ирана", "denied"),
    ("не before the verb", "Иран не [поставил] беспилотники", "denied"),
    ("ни разу не", "Иран ни разу не [поставлял] беспилотники", "denied"),
    ("не будет", "Иран не будет [поставлять] ракеты", "denied"),
    ("a passive after the noun", "[Санкции] пока не введены", "denied"),
    ("a refusal", "ЕС отказался ввести [санкции]", "denied"),
    ("не только", "Иран не только [поставил] беспилотники, но и обучил", "act"),
    ("не раз", "Иран не раз [поставлял] беспилотники", "act"),
    ("не of another clause", "Иран, который не подписал договор, [поставил] дроны", "act"),
    ("plainly", "ЕС ввел [санкции] против Ирана", "act"),
    ("может", "ЕС может ввести [санкции]", "threat"),
    ("мог бы", "Иран мог бы [поставить] ракеты", "threat"),
    ("готовится", "ЕС готовится ввести [санкции]", "decision"),
    ("намерен", "Иран намерен [поставить] ракеты", "decision"),
    ("the perfective present", "ЕС введёт [санкции]", "decision"),
    ("the verb itself in the future", "Иран [поставит] ракеты", "decision"),
    ("будет and the infinitive", "Иран будет [поставлять] ракеты", "decision"),
]
UKRAINIAN = [
    ("не before a light verb", "ЄС не запровадив [санкції] проти Ірану", "denied"),
    ("не before the verb", "Іран не [передав] безпілотники", "denied"),
    ("жодних", "Жодних нових [санкцій] проти Ірану", "denied"),
    ("не тільки", "Іран не тільки [передав] дрони, а й навчив", "act"),
    ("plainly", "ЄС запровадив [санкції] проти Ірану", "act"),
    ("може", "ЄС може запровадити [санкції]", "threat"),
    ("планує", "ЄС планує запровадити [санкції]", "decision"),
    ("має намір", "Іран має намір [передати] ракети", "decision"),
    ("the perfective present", "ЄС запровадить [санкції]", "decision"),
    ("the synthetic future", "Іран [постачатиме] дрони", "decision"),
]
ARABIC = [
    ("لم before the verb", "إيران لم [تسلم] مسيرات إلى روسيا", "denied"),
    ("لم before a light verb", "الاتحاد الأوروبي لم يفرض [عقوبات] على إيران", "denied"),
    ("the doer between", "لم يفرض الاتحاد الأوروبي [عقوبات] على إيران", "denied"),
    ("لن", "إيران لن [ترسل] صواريخ", "denied"),
    ("لا", "إيران لا [ترسل] مسيرات", "denied"),
    ("عدم before the masdar", "إيران تؤكد عدم [إرسال] مسيرات", "denied"),
    ("a refusal", "الاتحاد الأوروبي يرفض فرض [عقوبات]", "denied"),
    ("لا تزال: still", "إيران لا تزال [ترسل] مسيرات", "act"),
    ("كل ما: all that", "كل ما [أرسلت] إيران", "act"),
    ("plainly", "إيران [سلمت] مسيرات", "act"),
    ("قد before the imperfect", "الاتحاد الأوروبي قد يفرض [عقوبات]", "threat"),
    ("قد before the perfect", "إيران قد [أرسلت] مسيرات", "act"),
    ("يعتزم", "الاتحاد الأوروبي يعتزم فرض [عقوبات]", "decision"),
    ("the proclitic س", "الاتحاد الأوروبي سيفرض [عقوبات]", "decision"),
    ("the proclitic س on the action", "إيران [سترسل] صواريخ", "decision"),
    ("a noun that begins with س", "سنوات من [العقوبات]", "act"),
    ("another", "سياسة [العقوبات]", "act"),
    ("س before the doer", "ستفرض واشنطن [عقوبات] جديدة على طهران", "decision"),
    ("سوف", "سوف [تسلم] إيران مسيرات", "decision"),
]
HEBREW = [
    ("לא before a light verb", "האיחוד האירופי לא הטיל [סנקציות] על איראן", "denied"),
    ("לא before the verb", "איראן לא [סיפקה] טילים", "denied"),
    ("טרם", "איראן טרם [סיפקה] טילים", "denied"),
    ("אינה before the present", "איראן אינה [מספקת] טילים", "denied"),
    ("a refusal", "ישראל מסרבת [לספק] טילים", "denied"),
    ("לא רק", "איראן לא רק [סיפקה] טילים", "act"),
    ("plainly", "איראן [סיפקה] טילים", "act"),
    ("עשויה", "ארה\"ב עשויה להטיל [סנקציות]", "threat"),
    ("עלולה", "איראן עלולה [לספק] טילים", "threat"),
    ("מתכוונת", "ארה\"ב מתכוונת להטיל [סנקציות]", "decision"),
    ("the future of a light verb", "ארה\"ב תטיל [סנקציות]", "decision"),
    ("the verb itself in the future", "איראן [תספק] טילים", "decision"),
]  # fmt: skip
PERSIAN = [
    ("ن on the light verb", "اتحادیه اروپا ایران را [تحریم] نکرد", "denied"),
    ("نمی", "ایران پهپاد به روسیه [تحویل] نمی‌دهد", "denied"),
    ("a passive at the clause's end", "[تحویل] پهپاد به روسیه انجام نشده است", "denied"),
    ("نخواهد", "ایران موشک [ارسال] نخواهد کرد", "denied"),
    ("nouns that begin with ن", "[حمله] نزدیک میدان نبرد نزد مرز", "act"),
    ("the copula", "ایران طرف [جنگ] نیست", "act"),
    ("ن of another clause", "[تحریم] ایران که پاسخ نداد", "act"),
    ("plainly", "اتحادیه اروپا ایران را [تحریم] کرد", "act"),
    ("the verb with its noun", "ایران را [تحریم کرد] و پاسخ نداد", "act"),
    ("ممکن است", "اروپا ممکن است ایران را [تحریم] کند", "threat"),
    ("شاید", "اروپا شاید ایران را [تحریم] کند", "threat"),
    ("قصد دارد", "اروپا قصد دارد ایران را [تحریم] کند", "decision"),
    ("خواهد and the past stem", "اروپا ایران را [تحریم] خواهد کرد", "decision"),
    ("قرار گرفت, a passive", "ایران مورد [تحریم] قرار گرفت", "act"),
]
ALL = [
    pytest.param(lang, text, stage, id=f"{lang}, {name}")
    for lang, cases in (
        ("en", ENGLISH),
        ("ru", RUSSIAN),
        ("uk", UKRAINIAN),
        ("ar", ARABIC),
        ("he", HEBREW),
        ("fa", PERSIAN),
    )
    for name, text, stage in cases
]


@pytest.mark.parametrize(("lang", "text", "stage"), ALL)
def test_the_verb_group_of_an_action_tells_whether_it_is_done(
    lang: str, text: str, stage: str
) -> None:
    assert told(text, lang) == stage


def test_the_tables_of_a_language_are_not_asked_in_another() -> None:
    assert told("EU did not impose [sanctions]", "de") == "act"


def test_nothing_is_looked_for_from_the_summary_in_the_title() -> None:
    document = Document("Iran does not", "Sends drones", "en")
    at = document.offset
    assert Moods(document, set).of(at, at + 1) is None
