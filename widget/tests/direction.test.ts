import assert from "node:assert/strict";
import { test } from "node:test";

import { comingDirection, type Direction, dominantDirection, isNames, linesByDirection, piecesOf } from "../src/direction.ts";

const cases: [string, Direction | undefined][] = [
  ["Where is my order?", "ltr"],
  ["איפה ההזמנה שלי?", "rtl"],
  ["أين طلبي؟", "rtl"],
  ["iPhone 15 Pro Max במלאי", "rtl"],
  ["iPhone 15 Pro Max Titanium במלאי", "rtl"],
  ["Shipping לחיפה עולה 25 ₪", "rtl"],
  ["OK, תודה רבה!", "rtl"],
  ["The word שלום means peace", "ltr"],
  ["Your order for ספר שלום עולם has shipped", "ltr"],
  ["Returns And Refunds Policy (החזרות)", "ltr"],
  ["החזרות (Returns And Refunds Policy, please read it)", "rtl"],
  ['הקלידו "reset my password now please" בשדה', "rtl"],
  ["https://shop.example/products/blue-kettle-with-long-name קישור", "rtl"],
  ["כתבו אל dana.levi.support@shop-with-a-long-name.example", "rtl"],
  ["(שלום)", "rtl"],
  ["אֵיפֹה הַהַזְמָנָה", "rtl"],
  ["1,234.50 ₪", undefined],
  ["050-123-4567", undefined],
  ["https://shop.example/a", undefined],
  ["؟!… 👍 •", undefined],
  ["", undefined],
  ["123 שקלים", "rtl"],
  ["我的订单在哪里", "ltr"],
];

for (const [text, direction] of cases) {
  test(`runs ${direction ?? "either way"}: ${text}`, () => assert.equal(dominantDirection(text), direction));
}

test("a text that is coming does not jump about", () => {
  const text = "iPhone 15 Pro Max Titanium is what you asked for: יש לנו אותו במלאי, והוא מגיע בתוך שלושה ימי עסקים";
  const seen = (expected: Direction): (Direction | undefined)[] => {
    let before: Direction | undefined = expected;
    const all: (Direction | undefined)[] = [];
    for (let end = 1; end <= text.length; end++) all.push((before = comingDirection(text.slice(0, end), before)));
    return all;
  };
  for (const expected of ["rtl", "ltr"] as const) {
    const turns = seen(expected).filter((direction, at, all) => direction !== (all[at - 1] ?? expected));
    assert.ok(turns.length <= 2, `${turns.length} turns where ${expected} was expected`);
  }
  assert.equal(comingDirection("iPhone 15 Pro", "rtl"), "rtl");
  assert.equal(comingDirection("Here is what I have found", "rtl"), "ltr");
  assert.equal(comingDirection("הנה מה שמצאתי", undefined), "rtl");
});

const apart: [string, string][] = [
  ["התקשרו ל-050-123-4567 היום", "התקשרו ל-⟨050-123-4567⟩ היום"],
  ["‎+972 50 123 4567 או (02) 567-1234.", "‎⟨+972 50 123 4567⟩ או ⟨(02) 567-1234⟩."],
  ["עולה 1,234.50 ₪, הנחה -5%", "עולה ⟨1,234.50⟩ ₪, הנחה ⟨-5%⟩"],
  ["הזמנה #1042, $49.00 או -₪5", "הזמנה ⟨#1042⟩, ⟨$49.00⟩ או ⟨-₪5⟩"],
  ["מ-5 עד 10 ימים", "מ-⟨5⟩ עד ⟨10⟩ ימים"],
  ["ב-26.11.2026 בין 10:00-12:00", "ב-⟨26.11.2026⟩ בין ⟨10:00-12:00⟩"],
  ["הזמנה 1234-AB, קובץ order_v2.pdf", "הזמנה ⟨1234-AB⟩, קובץ ⟨order_v2.pdf⟩"],
  ["ראו https://shop.example/a?b=1&c=2, או dana@shop.example.", "ראו ⟨https://shop.example/a?b=1&c=2⟩, או ⟨dana@shop.example⟩."],
  ["رقم ٠٥٠-١٢٣", "رقم ٠٥٠-١٢٣"],
  ["ה-iPhone שלי", "ה-⟨iPhone⟩ שלי"],
  ["יש iPhone 15 במלאי (Galaxy S24), וגם C++", "יש ⟨iPhone 15⟩ במלאי (⟨Galaxy S24⟩), וגם ⟨C++⟩"],
  ["מידות 38, 40, 42", "מידות ⟨38⟩, ⟨40⟩, ⟨42⟩"],
  ["ב-26.11.2026 14:30", "ב-⟨26.11.2026⟩ ⟨14:30⟩"],
  ["הקוד (ראו f(x) שם)", "הקוד (ראו ⟨f(x)⟩ שם)"],
  ["רק מילים", "רק מילים"],
];

for (const [text, marked] of apart) {
  test(`is set apart: ${text}`, () => {
    const pieces = piecesOf(text);
    assert.equal(pieces.map((piece) => piece.text).join(""), text, "nothing is lost");
    assert.equal(pieces.map((piece) => (piece.isLtr ? `⟨${piece.text}⟩` : piece.text)).join(""), marked);
  });
}

test("lines of a message run as they are written", () => {
  assert.deepEqual(linesByDirection("שלום\n\n123\nMy order is late\nplease help\nתודה"), [
    { text: "שלום\n\n123", direction: "rtl" },
    { text: "My order is late\nplease help", direction: "ltr" },
    { text: "תודה", direction: "rtl" },
  ]);
  assert.deepEqual(linesByDirection("12\nשלום"), [{ text: "12\nשלום", direction: "rtl" }]);
});

test("names are told from sentences", () => {
  for (const text of ["iPhone 15 Pro", "Galaxy S24\nPixel 9", "12", ""]) assert.ok(isNames(text), text);
  for (const text of ["Where is it", "iPhone שלי", "kettles"]) assert.ok(!isNames(text), text);
});

test("any text is judged quickly", () => {
  const pieces = ["a", "א", "1", "1-", "a.", "a@", "(", '"', "+(", "12 ", "a:/", "w", "א(a", "www.", "“", "« ", "[", "`", "1--", "#", "$1", "a)", "a ", "1 a"];
  for (const piece of pieces) {
    const text = piece.repeat(Math.ceil(64_000 / piece.length));
    const began = process.cpuUsage(); // what others do on the machine is no slowness of ours
    dominantDirection(text);
    const joined = piecesOf(text).map((each) => each.text).join("");
    const spentMs = process.cpuUsage(began).user / 1_000;
    assert.ok(spentMs < 2_000, `${piece}: ${Math.round(spentMs)} ms`);
    assert.equal(joined, text);
  }
});
