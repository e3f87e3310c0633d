"""Who did what to whom, one table a language: active, passive and nominal wording, and its reverse.

The rules are those of each language's reference grammar; the comments name them.
"""

from __future__ import annotations

import pytest

from monitor.query import Lexicon, PlainEvaluator, parse
from monitor.text import Document
from tests.query.conftest import LEXICON

GIVES = "@supply(by: @iran, to: @russia)"
GIVES_DRONES = "@supply(by: @iran, of: @drone, to: @russia)"
RETURNS = "@supply(by: @russia, to: @iran)"
STRIKES = "@strike(by: @israel, on: @syria)"
STRUCK = "@strike(by: @syria, on: @israel)"
MEETS = "@meet(by: @iran, with: @russia)"

ENGLISH = [
    # Quirk et al., A Comprehensive Grammar of the English Language (CGEL): clause order § 2.13, dative
    # alternation § 16.55–57, the passive and its agent § 3.63–65, participles § 17.28, genitive § 17.41.
    ("active, to-phrase", GIVES_DRONES, "Iran ships drones to Russia", True),
    ("active, indirect object", GIVES_DRONES, "Iran sends Russia drones", True),
    ("active, with-phrase", GIVES, "Iran supplied Russia with drones", True),
    ("active, with an adverb between", GIVES, "Iran secretly delivered drones to Russia", True),
    ("active, perfect", GIVES, "Iran has sent hundreds of drones to Russia", True),
    ("passive, agent", GIVES, "Russia was supplied with drones by Iran", True),
    ("passive of the thing", GIVES_DRONES, "Drones were sent to Russia by Iran", True),
    ("nominal, genitive", GIVES_DRONES, "Iran's delivery of drones to Russia", True),
    ("nominal, adjective", GIVES, "Iranian drone deliveries to Russia", True),
    (
        "participle, the doer as an adjective",
        GIVES_DRONES,
        "Iranian drones delivered to Russia",
        True,
    ),
    ("nominal, by-phrase", GIVES_DRONES, "The supply of drones to Russia by Iran", True),
    ("active, reversed", RETURNS, "Iran ships drones to Russia", False),
    ("passive, reversed", RETURNS, "Russia was supplied with drones by Iran", False),
    ("nominal, reversed", RETURNS, "Iran's delivery of drones to Russia", False),
    ("another doer nearer", GIVES, "Iran watches as the US sends drones to Russia", False),
    ("another sentence", GIVES, "Iran protests. Drones were sent to Russia", False),
    ("a strike, active", STRIKES, "Israel strikes Syria again", True),
    (
        "a strike at a place",
        "@strike(by: @israel, in: @syria)",
        "Israel strikes targets in Syria",
        True,
    ),
    (
        "a doer joined by a hyphen is another's",
        RETURNS,
        "Russian-supplied drones reach Iran",
        False,
    ),
    ("a strike, passive", STRIKES, "Damascus was struck by Israel", True),
    ("a strike, nominal", STRIKES, "Israeli airstrikes on Syria", True),
    ("a strike, reversed", STRUCK, "Israel strikes targets in Syria", False),
    ("a strike from there", STRUCK, "Israel attacked from Syria by Syrian forces", True),
    ("talks, one after the other", MEETS, "Iran holds talks with Russia", True),
    ("talks, the other way", MEETS, "Russia holds talks with Iran", True),
    ("talks, together", MEETS, "Talks between Russia and Iran", True),
]

RUSSIAN = [
    # Shvedova (ed.), Russkaya grammatika 1980: nominative subject § 2226, dative of the receiver § 2043,
    # instrumental of the doer in the passive §§ 1459, 2046, genitive with verbal nouns § 1800.
    ("active", GIVES_DRONES, "Иран поставил России беспилотники", True),
    ("active, verb first", GIVES, "Поставил Иран России беспилотники", True),
    ("active, present", GIVES, "Иран поставляет беспилотники России", True),
    ("passive", GIVES, "Беспилотники поставлены России Ираном", True),
    ("nominal, adjective", GIVES, "Поставки иранских беспилотников России", True),
    ("nominal, instrumental doer", GIVES, "Поставки Ираном беспилотников России", True),
    ("nominal, into a country", GIVES, "Поставки беспилотников из Ирана в Россию", True),
    ("active, reversed", RETURNS, "Иран поставил России беспилотники", False),
    ("the doer is in the instrumental", GIVES, "Поставки Россией беспилотников Ирану", False),
    ("a strike, active", STRIKES, "Израиль атаковал Сирию", True),
    ("a strike, nominal", STRIKES, "Удары Израиля по Сирии", True),
    ("a strike, adjective", STRIKES, "Израильские удары по Дамаску", True),
    ("a strike, passive", STRIKES, "Дамаск атакован Израилем", True),
    ("a strike, reversed", STRUCK, "Израиль атаковал Сирию", False),
    ("talks", MEETS, "Переговоры Ирана с Россией", True),
    ("talks, the other way", MEETS, "Переговоры России с Ираном", True),
]

UKRAINIAN = [
    # Vykhovanets & Horodenska, Teoretychna morfolohiia ukrainskoi movy 2004: cases, pp. 64–112;
    # -но, -то with the instrumental doer, pp. 240–243.
    (
        "active",
        GIVES_DRONES,
        "Іран поставив Росії безпілотники".replace("поставив", "передав"),
        True,
    ),
    ("active, present", GIVES, "Іран постачає дрони Росії", True),
    ("nominal, adjective", GIVES, "Постачання іранських дронів Росії", True),
    ("nominal, instrumental doer", GIVES, "Постачання Іраном дронів Росії", True),
    ("nominal, into a country", GIVES, "Поставки дронів з Ірану до Росії", True),
    ("active, reversed", RETURNS, "Іран постачає дрони Росії", False),
    ("a strike, active", STRIKES, "Ізраїль атакував Сирію", True),
    ("a strike, nominal", STRIKES, "Удари Ізраїлю по Сирії", True),
    ("a strike, reversed", STRUCK, "Ізраїль атакував Сирію", False),
    ("talks", MEETS, "Переговори Ірану з Росією", True),
]

PERSIAN = [
    # Windfuhr & Perry 2009: subject first and verb last § 4.1, را after the object § 3.2, به and از §
    # 3.5, ezafe § 2.7, passive with توسط § 4.5.
    ("active", GIVES_DRONES, "ایران به روسیه پهپاد داد", True),
    ("active, with an object in ra", GIVES, "ایران پهپادها را به روسیه تحویل داد", True),
    ("nominal, ezafe", GIVES, "ارسال پهپادهای ایرانی به روسیه", True),
    ("nominal, from and to", GIVES, "ارسال پهپاد از ایران به روسیه", True),
    ("active, reversed", RETURNS, "ایران به روسیه پهپاد داد", False),
    ("a strike, nominal", STRIKES, "حمله اسرائیل به سوریه", True),
    ("a strike, plural", STRIKES, "حملات اسرائیل به دمشق", True),
    ("a strike, reversed", STRUCK, "حمله اسرائیل به سوریه", False),
    ("talks", MEETS, "مذاکرات ایران با روسیه", True),
]

ARABIC = [
    # Ryding 2005: verb – doer – object §§ 4.1–4.3, masdar with its doer in the genitive § 5.2.1 and
    # 38.2, adjectives of relation § 10.1, prepositions ch. 16; Badawi et al. 2004 § 2.11: من قبل.
    ("active, verb first", GIVES, "أرسلت إيران مسيرات إلى روسيا", True),
    ("active, doer first", GIVES_DRONES, "إيران ترسل مسيرات إلى روسيا", True),
    ("active, li-", GIVES, "سلمت إيران مسيرات لروسيا", True),
    ("masdar", GIVES, "تسليم إيران مسيرات لروسيا", True),
    ("active, reversed", RETURNS, "أرسلت إيران مسيرات إلى روسيا", False),
    ("a strike, active", STRIKES, "قصفت إسرائيل دمشق", True),
    ("a strike, adjective", STRIKES, "غارة إسرائيلية على دمشق", True),
    ("a strike, plural with article", STRIKES, "الغارات الإسرائيلية على سوريا", True),
    ("a strike, reversed", STRUCK, "غارة إسرائيلية على دمشق", False),
    ("talks", MEETS, "محادثات بين إيران وروسيا", True),
]

HEBREW = [
    # Glinert 1989: subject – verb – object with את §§ 15–17, ל and על § 20, smikhut of action nouns §
    # 6, the agent with על ידי § 13.3.
    ("active", GIVES, "איראן סיפקה רחפנים לרוסיה", True),
    ("active, sent", GIVES_DRONES, "איראן שלחה רחפנים לרוסיה", True),
    ("nominal", GIVES, "אספקת רחפנים מאיראן לרוסיה", True),
    ("active, reversed", RETURNS, "איראן סיפקה רחפנים לרוסיה", False),
    ("a strike, active", STRIKES, "ישראל תקפה בסוריה", True),
    ("a strike, adjective", STRIKES, "תקיפה ישראלית בסוריה", True),
    ("a strike, reversed", STRUCK, "ישראל תקפה בסוריה", False),
    ("talks", MEETS, "שיחות בין איראן לרוסיה", True),
]

CASES = [
    (lang, *case)
    for lang, table in (
        ("en", ENGLISH),
        ("ru", RUSSIAN),
        ("uk", UKRAINIAN),
        ("fa", PERSIAN),
        ("ar", ARABIC),
        ("he", HEBREW),
    )
    for case in table
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}: {case[1]}" for case in CASES])
def test_frame(case: tuple[str, str, str, str, bool]) -> None:
    lang, _, query, title, wanted = case
    plain = PlainEvaluator(Document(title, "", lang), Lexicon(LEXICON))
    assert plain.evaluate(parse(query)).holds is wanted


def test_a_frame_does_not_cross_from_title_into_summary() -> None:
    plain = PlainEvaluator(Document("Iran sends drones", "to Russia", "en"), Lexicon(LEXICON))
    assert not plain.evaluate(parse(GIVES)).holds


def test_no_word_fills_two_roles() -> None:
    plain = PlainEvaluator(Document("Iran sends drones to Russia", "", "en"), Lexicon(LEXICON))
    assert not plain.evaluate(parse("@supply(by: @iran, from: @iran, to: @russia)")).holds


def test_a_frame_rests_on_the_action_and_what_fills_its_roles() -> None:
    document = Document("Iran ships drones to Russia", "", "en")
    outcome = PlainEvaluator(document, Lexicon(LEXICON)).evaluate(parse(GIVES_DRONES))
    assert [leaf[2] for leaf in outcome.matches[0][2]] == ["@supply", "@iran", "@drone", "@russia"]


def test_the_grammar_of_the_letters_serves_where_the_language_is_not_known() -> None:
    plain = PlainEvaluator(
        Document("Иран поставил России беспилотники", "", "xx"), Lexicon(LEXICON)
    )
    assert plain.evaluate(parse(GIVES_DRONES)).holds
