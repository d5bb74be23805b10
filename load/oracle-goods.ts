/** What a purchase was, what of it has gone back, and what the rest of it gives, by its own terms. */
import { type EarnRule, type Fraction, type Rounding, type Rules, rounded, type WalletRules } from './oracle-rules.ts';
import { least, total } from './oracle-wallet.ts';
import type { PublicPurchase, PublicReturn } from './public-event.ts';

export interface Bought {
  readonly id: string;
  readonly at: number;
  /** Local day since 1970. */
  readonly day: number;
  readonly store: string;
  readonly lines: readonly Line[];
  /** Minor units that a return can give back: the price less the coupon. */
  readonly paid: bigint;
  /** Minor units that earn and qualify. */
  readonly counted: bigint;
  readonly multiplier: Fraction;
  readonly redemptionId: string;
  back: readonly Back[];
  isConfirmed: boolean;
}

interface Line {
  readonly sku: string;
  readonly category: string;
  readonly quantity: number;
  /** Minor units, less the line's share of the coupon. */
  readonly paid: bigint;
}

/** Something that went back. */
export interface Back {
  /** Index of the line; WHOLE for money of the receipt as a whole. */
  readonly line: number;
  readonly quantity: number;
  readonly amount: bigint;
}

const WHOLE = -1;

type What = Pick<PublicPurchase, 'amount' | 'lines' | 'discount' | 'paidWithPoints' | 'tax' | 'tip' | 'giftCards'>;

/** What is paid and what counts of an event's amount or lines. */
export function priced(event: What, earnOn: Rules['earnOn']): Pick<Bought, 'lines' | 'paid' | 'counted'> {
  const { discount = 0, paidWithPoints = 0, tax = 0, tip = 0, giftCards = 0 } = event;
  const lines = event.lines ?? [];
  const prices = lines.map(({ amount }) => BigInt(amount));
  const amount = lines.length === 0 ? BigInt(event.amount ?? 0) : total(prices);
  const paid = spread(amount - BigInt(discount), prices);
  let counted = amount - BigInt(tax + tip + giftCards);
  if (earnOn !== 'gross') counted -= BigInt(discount);
  if (earnOn === 'net-of-points') counted -= BigInt(paidWithPoints);
  return {
    lines: lines.map(({ sku, category = '', quantity }, index) => ({
      sku,
      category,
      quantity,
      paid: paid[index] ?? 0n,
    })),
    paid: amount - BigInt(discount),
    counted,
  };
}

/** By weight, in whole units that add up. */
function spread(sum: bigint, weights: readonly bigint[]): bigint[] {
  const all = total(weights);
  if (all === 0n) return weights.map(() => 0n);
  return apportioned(
    sum,
    weights.map((weight) => ({ above: sum * weight, below: all })),
  );
}

/** Exact parts in whole numbers that add up to `sum`: the largest fractions, of equal ones the first, are rounded up. */
function apportioned(sum: bigint, parts: readonly Fraction[]): bigint[] {
  const floors = parts.map((part) => rounded(part, 'floor'));
  const below = parts.reduce((product, part) => product * part.below, 1n);
  const fractions = parts.map((part) => ((part.above % part.below) * below) / part.below);
  const order = [...parts.keys()].sort((one, other) => Number((fractions[other] ?? 0n) - (fractions[one] ?? 0n)));
  const up = new Set(order.slice(0, Number(sum - total(floors))));
  return floors.map((floor, index) => floor + (up.has(index) ? 1n : 0n));
}

// --- What is left ---

/** Money of the receipt that has not gone back. */
export function leftOf(purchase: Bought, back: readonly Back[]): bigint {
  return purchase.paid - total(back.map(({ amount }) => amount));
}

function leftOfLine(line: Line, index: number, back: readonly Back[]): { quantity: number; amount: bigint } {
  const parts = back.filter((part) => part.line === index);
  return {
    quantity: line.quantity - parts.reduce((sum, { quantity }) => sum + quantity, 0),
    amount: line.paid - total(parts.map(({ amount }) => amount)),
  };
}

/** Some of the money stays, or some of the goods where nothing was paid. */
function isThere(purchase: Bought, back: readonly Back[]): boolean {
  if (purchase.paid > 0n) return leftOf(purchase, back) > 0n;
  return purchase.lines.some((line, index) => leftOfLine(line, index, back).quantity > 0);
}

/** The share of `whole` that what is left has in the purchase. */
function shareOfLeft(purchase: Bought, back: readonly Back[], whole: bigint, rounding: Rounding): bigint {
  if (purchase.paid === 0n) return whole;
  return rounded({ above: whole * leftOf(purchase, back), below: purchase.paid }, rounding);
}

/** The share of `whole` that what has gone back has in the purchase, rounded down. */
export function shareOfBack(purchase: Bought, back: readonly Back[], whole: bigint): bigint {
  return whole - shareOfLeft(purchase, back, whole, 'ceil');
}

export function countedLeft(purchase: Bought, back: readonly Back[]): bigint {
  return shareOfLeft(purchase, back, purchase.counted, 'floor');
}

// --- What it gives ---

/** Points by wallet that what is left of a purchase gives. */
export function given(rules: Rules, purchase: Bought, back: readonly Back[]): Map<string, bigint> {
  return new Map(rules.wallets.map((wallet) => [wallet.id, total(givenTo(rules, wallet, purchase, back))]));
}

/** Rule by rule. */
function givenTo(rules: Rules, wallet: WalletRules, purchase: Bought, back: readonly Back[]): bigint[] {
  const earn = rules.earn.filter((rule) => rule.wallet === wallet.id && isFor(rule, purchase));
  if (!rules.isProportional || back.length === 0) return earnedBy(earn, wallet, purchase, back);
  const earned = earnedBy(earn, wallet, purchase, []);
  return earn.map(({ rounding }, index) => shareOfLeft(purchase, back, earned[index] ?? 0n, rounding));
}

function earnedBy(earn: readonly EarnRule[], wallet: WalletRules, purchase: Bought, back: readonly Back[]): bigint[] {
  const exact = earn.map((rule) => amountsOf(rule, purchase, back).map((amount) => points(rule, purchase, amount)));
  switch (wallet.rounded) {
    case 'line':
      return exact.map((lines, index) => total(lines.map((one) => rounded(one, earn[index]?.rounding ?? 'floor'))));
    case 'rule':
      return exact.map((lines, index) => rounded(lines.reduce(added, NOTHING), earn[index]?.rounding ?? 'floor'));
    case 'basket': {
      const sums = exact.map((lines) => lines.reduce(added, NOTHING));
      return apportioned(rounded(sums.reduce(added, NOTHING), wallet.rounding), sums);
    }
  }
}

export function isFor(rule: EarnRule, { store, counted, lines }: Bought): boolean {
  const { skus, categories, stores, from, below } = rule;
  if (stores !== undefined && !stores.includes(store)) return false;
  if ((skus !== undefined || categories !== undefined) && !lines.some((line) => isForLine(rule, line))) return false;
  if (from !== undefined && counted * from.below < from.above) return false;
  return below === undefined || counted * below.below < below.above;
}

function isForLine({ skus, categories }: EarnRule, { sku, category }: Line): boolean {
  return (skus === undefined || skus.includes(sku)) && (categories === undefined || categories.includes(category));
}

/** What the rule counts, line by line: minor units, pieces, lines, or the one purchase. */
function amountsOf(rule: EarnRule, purchase: Bought, back: readonly Back[]): bigint[] {
  const lines = purchase.lines.map((line, index) => ({ ...line, ...leftOfLine(line, index, back) }));
  const money = spread(
    countedLeft(purchase, back),
    lines.map(({ amount }) => amount),
  );
  const isAny = rule.skus === undefined && rule.categories === undefined;
  const mine = lines.flatMap((line, index) =>
    isForLine(rule, line) ? [{ quantity: BigInt(line.quantity), money: money[index] ?? 0n }] : [],
  );
  switch (rule.each) {
    case undefined:
      return lines.length === 0 && isAny ? [countedLeft(purchase, back)] : mine.map((line) => line.money);
    case 'piece':
      return mine.map(({ quantity }) => quantity);
    case 'line':
      return mine.map(({ quantity }) => (quantity > 0n ? 1n : 0n));
    case 'purchase':
      return [(isAny ? isThere(purchase, back) : mine.some(({ quantity }) => quantity > 0n)) ? 1n : 0n];
  }
}

/** Exact: what is rounded is rule and multiplier together. */
function points({ points, per }: EarnRule, { multiplier }: Bought, amount: bigint): Fraction {
  return {
    above: amount * points * multiplier.above * (per?.below ?? 1n),
    below: multiplier.below * (per?.above ?? 1n),
  };
}

const NOTHING: Fraction = { above: 0n, below: 1n };

function added(one: Fraction, other: Fraction): Fraction {
  return { above: one.above * other.below + other.above * one.below, below: one.below * other.below };
}

// --- What goes back ---

/** All that will have gone back, or why not. */
export function returnedBy(purchase: Bought, { lines, amount }: PublicReturn): readonly Back[] | string {
  return lines?.length ? byLine(purchase, lines) : byAmount(purchase, amount);
}

function byAmount(purchase: Bought, amount: number | undefined): readonly Back[] | string {
  const left = leftOf(purchase, purchase.back);
  const money = amount === undefined ? left : BigInt(amount);
  const goods = purchase.lines.some((line, index) => leftOfLine(line, index, purchase.back).quantity > 0);
  if (money > left || (left === 0n && purchase.paid > 0n && !goods)) return 'return_exceeds_original';
  // While some of the money stays, the goods do.
  if (money < left) return [...purchase.back, { line: WHOLE, quantity: 0, amount: money }];
  return allBack(purchase);
}

/** Money may have gone back before without goods: all goods go now, and only the money that is left. */
export function allBack(purchase: Bought): readonly Back[] {
  const lines = purchase.lines.map((line, index) => ({ line: index, ...leftOfLine(line, index, purchase.back) }));
  const rest = leftOf(purchase, purchase.back) - total(lines.map(({ amount }) => amount));
  return [...purchase.back, ...lines, { line: WHOLE, quantity: 0, amount: rest }];
}

function byLine(purchase: Bought, lines: NonNullable<PublicReturn['lines']>): readonly Back[] | string {
  if (purchase.lines.length === 0) return 'original_without_lines';
  const skus = new Set(purchase.lines.map(({ sku }) => sku));
  if (lines.some(({ sku }) => !skus.has(sku))) return 'line_not_in_original';
  let back = purchase.back;
  for (const { sku, quantity, amount } of lines) {
    const parts =
      amount === undefined ? shares(purchase, back, sku, quantity) : refunds(purchase, back, sku, quantity, amount);
    const goods = parts.reduce((sum, part) => sum + part.quantity, 0);
    const money = total(parts.map((part) => part.amount));
    if (goods < quantity || (amount !== undefined && money < BigInt(amount))) return 'return_exceeds_original';
    back = [...back, ...parts];
  }
  return back;
}

/** Up to `quantity` of a SKU, each piece with its share of what its line cost; the line's last pieces take its rest. */
export function shares(purchase: Bought, back: readonly Back[], sku: string, quantity: number): Back[] {
  const parts: Back[] = [];
  purchase.lines.forEach((line, index) => {
    if (line.sku !== sku) return;
    const left = leftOfLine(line, index, back);
    const taken = Math.min(quantity, left.quantity);
    if (taken === 0) return;
    const gone = line.quantity - left.quantity;
    const upTo = (pieces: number): bigint => (line.paid * BigInt(pieces)) / BigInt(line.quantity);
    const share = taken === left.quantity ? left.amount : upTo(gone + taken) - upTo(gone);
    const amount = least(share, left.amount, leftOf(purchase, [...back, ...parts]));
    parts.push({ line: index, quantity: taken, amount });
    quantity -= taken;
  });
  return parts;
}

/** A quantity of a SKU for the refund that the till gave. */
function refunds(purchase: Bought, back: readonly Back[], sku: string, quantity: number, refund: number): Back[] {
  const parts: Back[] = [];
  let money = BigInt(refund);
  purchase.lines.forEach((line, index) => {
    if (line.sku !== sku) return;
    const left = leftOfLine(line, index, back);
    const taken = Math.min(quantity, left.quantity);
    const amount = least(money, left.amount, leftOf(purchase, [...back, ...parts]));
    parts.push({ line: index, quantity: taken, amount });
    quantity -= taken;
    money -= amount;
  });
  // A till may refund more than the line cost after a coupon, as long as the receipt as a whole covers it.
  parts.push({ line: WHOLE, quantity: 0, amount: least(money, leftOf(purchase, [...back, ...parts])) });
  return parts;
}
