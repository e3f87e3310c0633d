"""Where other tools fail their users: substrings, possessives, hyphens, capitals, spellings."""

from __future__ import annotations

import pytest

from tests.match.conftest import found

FOUND = [
    ("a possessive", "@israel AND @strike AND @iran", "Israel's strike on Iran"),
    ("a typographic possessive", "@israel AND @strike", "Israel’s strike on Iran"),
    ("a word beside a dash", "@iran AND @russia", "Iran–Russia trade grows"),
    ("a hyphenated name", '"Su-35"', "Tehran waits for Su-35 jets"),
    ("a hyphenated name, written apart", '"Su-35"', "Tehran waits for Su 35 jets"),
    ("a number at its end", "Shahed*", "Geran-2, alias Shahed-136"),
    ("one transliteration", "@araghchi", "Abbas Araghchi lands in Moscow"),
    ("another transliteration", "@araghchi", "Abbas Araqchi lands in Moscow"),
    ("a weapon's name, spelt otherwise", "@shahed", "Shaheed drones shot down"),
    ("an air base in three spellings", "@hmeimim", "Russia's Khmeimim base"),
    ("an air base in its third spelling", "@hmeimim", "Russia's Hmeymim base"),
    ("capitals where capitals are meant", "@us", "US to sanction Iran"),
    ("the long form of an abbreviation", "@us", "The United States denies it"),
    ("a prefix", "drone*", "dronemaker expands"),
    ("a word in capitals by a lower-case term", "iran", "IRAN AND RUSSIA SIGN"),
    ("a union of concepts", "@weapon", "A missile was shown"),
    ("a word after a bracket", "@iran", "(Tehran) says so"),
    ("a word in the summary", "@iran", "A deal", "Iran signs"),
    ("a word in the title", "title: @iran", "Iran signs", "A deal"),
    ("a phrase in the title", 'title: "United States"', "The United States signs", "A deal"),
    ("a phrase of three words", '"north of Aleppo"', "Strikes north of Aleppo"),
    ("a phrase that begins twice", '"north of Aleppo"', "In the north, north of Aleppo"),
    ("a phrase at the very end", '"of Aleppo"', "Strikes", "North of Aleppo"),
    ("one phrase and a longer one", '"of Aleppo" AND "north of Aleppo"', "Just north of Aleppo"),
    ("a word beside its beginning", "strik* AND strike AND st*", "A strike"),
]

NOT_FOUND = [
    ("assad in ambassador", "@assad", "The ambassador left Damascus"),
    ("iran in Tirana", "iran", "Talks in Tirana"),
    ("us in lower case", "@us", "They told us about it"),
    ("a prefix in the middle", "drone*", "An androne is no word"),
    ("half a phrase", '"United States"', "United Kingdom and the states"),
    ("a phrase with a word between", '"United States"', "United Arab States"),
    ("a phrase turned round", '"United States"', "States United"),
    (
        "a phrase over the border of title and summary",
        '"United States"',
        "We are United",
        "States!",
    ),
    ("another number", '"Su-35"', "Su-34 crashes"),
    ("a word of the summary in the title", "title: @iran", "A deal", "Iran signs"),
    ("a phrase of the summary in the title", 'title: "United States"', "United", "United States"),
    ("a phrase of three over the border", '"north of Aleppo"', "Strikes north of", "Aleppo hit"),
    ("a phrase of three that is cut off", '"north of Aleppo"', "Strikes", "North of"),
    ("two words that a title has one of", "title: (@iran AND @russia)", "Iran signs", "Russia"),
]


@pytest.mark.parametrize("case", FOUND, ids=[case[0] for case in FOUND])
def test_is_found(case: tuple[str, ...]) -> None:
    assert found(*case[1:])


@pytest.mark.parametrize("case", NOT_FOUND, ids=[case[0] for case in NOT_FOUND])
def test_is_not_found(case: tuple[str, ...]) -> None:
    assert not found(*case[1:])


CLITICS = [
    # Arabic: the proclitics wa-, fa-, bi-, ka-, li- and the article are written together with the
    # word (Ryding 2005, §§ 2.3, 16.1); li- + al- is written لل (§ 2.3.1).
    ("ar", "إيران", "وإيران توقع", "and Iran"),
    ("ar", "روسيا", "لروسيا مسيرات", "to Russia"),
    ("ar", "روسيا", "فروسيا ترد", "so Russia"),
    ("ar", "طهران", "بطهران اليوم", "in Tehran"),
    ("ar", "مسيرات", "المسيرات الإيرانية", "the drones"),
    ("ar", "حكومه", "للحكومة", "to the government"),
    ("ar", "حكومة", "وللحكومة", "and to the government"),
    # Hebrew: mose we-khalev (מש״ה וכל״ב), the seven formative letters before a word (Glinert 1989, § 4).
    ("he", "ישראל", "מישראל", "from Israel"),
    ("he", "ישראל", "לישראל", "to Israel"),
    ("he", "ישראל", "וישראל", "and Israel"),
    ("he", "איראן", "באיראן", "in Iran"),
    ("he", "רוסיה", "שרוסיה", "that Russia"),
    # Persian: the plural ها, the indefinite ی and the prefix می stand behind a ZWNJ or a space or joined
    # (Academy of Persian, Dastur-e Khatt, 1394); ZWNJ is a space here.
    ("fa", "پهپاد", "پهپادها".replace("ها", "‌ها"), "drones, with ZWNJ"),
    ("fa", "پهپاد", "پهپاد ها", "drones, with a space"),
    ("fa", "می شود", "می‌شود", "becomes, with ZWNJ"),
    ("fa", "ایران", "ایران", "Persian letters"),
    ("fa", "ایران", "ايران", "Arabic yeh"),
    ("fa", "کمک", "كمك", "Arabic kaf"),
    ("fa", "روسیه", "روسية", "teh marbuta"),
    # Russian and Ukrainian: ё is printed as е (Rules of Russian Orthography 2006, § 5).
    ("ru", "самолёт", "самолет", "е for ё"),
    ("ru", "самолет", "самолёт", "ё for е"),
    ("uk", "безпілотник*", "безпілотниками", "instrumental plural"),
]


@pytest.mark.parametrize("case", CLITICS, ids=[f"{lang}: {name}" for lang, _, _, name in CLITICS])
def test_forms_of_a_language_are_found(case: tuple[str, str, str, str]) -> None:
    lang, term, text, _ = case
    assert found(f'"{term}"' if "*" not in term else term, text, lang=lang)


NO_CLITICS = [
    ("ar", "يران", "إيران", "no proclitic before it"),
    ("ar", "بن", "لبن", "too short to part"),
    ("he", "ראל", "ישראל", "yod is no proclitic"),
    ("en", "iran", "viran", "no proclitics in Latin letters"),
    ("ru", "ран", "иран", "no proclitics in Cyrillic"),
]


@pytest.mark.parametrize("case", NO_CLITICS, ids=[f"{c[0]}: {c[3]}" for c in NO_CLITICS])
def test_pieces_of_words_are_not_forms(case: tuple[str, str, str, str]) -> None:
    assert not found(case[1], case[2], lang=case[0])
