"""A small lexicon in six languages, for the tables of frames."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.model import Concept


def _concept(
    id: str, kind: str, forms: Mapping[str, str], nouns: Mapping[str, str] | None = None
) -> Concept:
    return Concept(
        id=id,
        kind=kind,
        forms={lang: tuple(text.split(", ")) for lang, text in forms.items()},
        nouns={lang: tuple(text.split(", ")) for lang, text in (nouns or {}).items()},
    )


LEXICON = {
    each.id: each
    for each in (
        _concept("iran", "state", {
            "en": "Iran, Iranian, Tehran", "ru": "Иран*, иранск*, Тегеран*",
            "uk": "Іран*, іранськ*, Тегеран*",
            "fa": "ایران, ایرانی, تهران", "ar": "إيران, الإيرانية, إيرانية, طهران",
            "he": "איראן, איראני*, טהרן"}),
        _concept("russia", "state", {
            "en": "Russia, Russian, Moscow", "ru": "Росси*, российск*, Москв*",
            "uk": "Росі*, російськ*, Москв*",
            "fa": "روسیه, روسی, مسکو", "ar": "روسيا, الروسية, روسية, موسكو",
            "he": "רוסיה, רוסי*, מוסקבה"}),
        _concept("israel", "state", {
            "en": "Israel, Israeli", "ru": "Израил*, израильск*", "uk": "Ізраїл*, ізраїльськ*",
            "fa": "اسرائیل, اسرائیلی", "ar": "إسرائيل, الإسرائيلية, إسرائيلية",
            "he": "ישראל, ישראלי*"}),
        _concept("syria", "state", {
            "en": "Syria, Syrian, Damascus", "ru": "Сири*, сирийск*, Дамаск*",
            "uk": "Сирі*, сирійськ*, Дамаск*",
            "fa": "سوریه, دمشق", "ar": "سوريا, سورية, دمشق", "he": "סוריה, דמשק"}),
        _concept("us", "state", {
            "en": "US, United States, Washington", "ru": "США, американск*",
            "uk": "США, американськ*",
            "fa": "آمریکا", "ar": "واشنطن, الولايات المتحدة, أمريكا", "he": "ארצות הברית, ארה\"ב"}),
        _concept("drone", "weapon", {
            "en": "drone*, UAV*", "ru": "беспилотник*, дрон*", "uk": "безпілотник*, дрон*",
            "fa": "پهپاد*", "ar": "مسيرات, طائرات مسيرة", "he": "מל\"ט*, רחפנ*"}),
        _concept("supply", "action", {
            "en": "supply, supplies, supplied, supplying, send, sends, sent, deliver, delivers, "
                  "delivered, ship, ships, shipped, provide, provides, provided",
            "ru": "поставил*, поставля*, поставит, поставлен*, передал*, переда*",
            "uk": "постачал*, постача*, поставил*, поставлен*, передал*, переда*",
            "fa": "داد, داده, فرستاد, فرستاده, تحویل, ارسال",
            "ar": "زودت, زود, سلمت, أرسلت, ترسل, تزود",
            "he": "סיפקה, מספקת, סופקו, העבירה, מעבירה, שלחה"}, {
            "en": "supply, supplies, delivery, deliveries, shipment*, transfer",
            "ru": "поставк*, передач*", "uk": "постачанн*, поставк*, передач*",
            "fa": "تحویل, ارسال", "ar": "تسليم, إرسال, تزويد", "he": "אספקת, העברת, משלוח"}),
        _concept("strike", "action", {
            "en": "strike, strikes, struck, hit, hits, bomb, bombs, bombed, attack, attacks, attacked",
            "ru": "ударил*, атаковал*, атакован*, атакует",
            "uk": "ударил*, атакува*, атакован*, атакує",
            "fa": "زد, حمله, بمباران", "ar": "قصفت, تقصف, استهدفت, هاجمت",
            "he": "תקפה, תוקפת, תקף, הותקפה"}, {
            "en": "strike, strikes, attack, attacks, airstrike, airstrikes, raid",
            "ru": "удар*, атак*", "uk": "удар*, атак*", "fa": "حمله, حملات, بمباران",
            "ar": "غارة, غارات, قصف, هجوم", "he": "תקיפה, תקיפת, תקיפות, מתקפה"}),
        _concept("meet", "action", {
            "en": "meet, meets, met, talks, hold talks", "ru": "встретил*, встречается, переговор*",
            "uk": "зустрівся, зустріл*, переговор*", "fa": "دیدار, مذاکره", "ar": "التقى, يلتقي",
            "he": "נפגש, נפגשו"}, {
            "en": "talks, meeting", "ru": "переговор*, встреч*", "uk": "переговор*, зустріч*",
            "fa": "دیدار, مذاکرات", "ar": "محادثات, لقاء", "he": "שיחות, פגישה"}),
    )
}  # fmt: skip
