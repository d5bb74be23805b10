/** What a purchase was, what of it has gone back, and what the rest of it gives, by its own terms. */
import { type EarnRule, type Fraction, type Rules, rounded, type WalletRules } from './oracle-rules.ts';
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
  /** Of the redemption that paid a part, points that these goods brought back. */
  redeemedBack: bigint;
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
  const coupons = spread(BigInt(discount), prices);
  let counted = amount - BigInt(tax + tip + giftCards);
  if (earnOn !== 'gross') counted -= BigInt(discount);
  if (earnOn === 'net-of-points') counted -= BigInt(paidWithPoints);
  return {
    lines: lines.map(({ sku, category = '', quantity }, index) => ({
      sku,
      category,
      quantity,
      paid: (prices[index] ?? 0n) - (coupons[index] ?? 0n),
    })),
    paid: amount - BigInt(discount),
    counted,
  };
}

/** By weight, in whole units that add up. */
function spread(sum: bigint, weights: readonly bigint[]): bigint[] {
  const all = total(weights);
  let weight = 0n;
  let given = 0n;
  return weights.map((one) => {
    weight += one;
    const upTo = all === 0n ? 0n : (sum * weight) / all;
    const share = upTo - given;
    given = upTo;
    return share;
  });
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

/** Neither goods nor money are left. */
function isGone(purchase: Bought, back: readonly Back[]): boolean {
  const goods = purchase.lines.some((line, index) => leftOfLine(line, index, back).quantity > 0);
  return back.length > 0 && !goods && leftOf(purchase, back) === 0n;
}

/** The share of `whole` that what is left has in the purchase, rounded down. */
export function shareOfLeft(purchase: Bought, back: readonly Back[], whole: bigint): bigint {
  if (isGone(purchase, back)) return 0n;
  return purchase.paid === 0n ? whole : (whole * leftOf(purchase, back)) / purchase.paid;
}

export function countedLeft(purchase: Bought, back: readonly Back[]): bigint {
  return shareOfLeft(purchase, back, purchase.counted);
}

// --- What it gives ---

/** Points by wallet that what is left of a purchase gives. */
export function given(rules: Rules, purchase: Bought, back: readonly Back[]): Map<string, bigint> {
  return new Map(rules.wallets.map((wallet) => [wallet.id, total(givenTo(rules, wallet, purchase, back))]));
}

function givenTo(rules: Rules, wallet: WalletRules, purchase: Bought, back: readonly Back[]): bigint[] {
  if (rules.isProportional && back.length > 0) {
    return givenTo(rules, wallet, purchase, []).map((points) => shareOfLeft(purchase, back, points));
  }
  const earn = rules.earn.filter((rule) => rule.wallet === wallet.id && isFor(rule, purchase));
  if (wallet.rounded === 'basket') {
    const sum = earn.flatMap((rule) => amountsOf(rule, purchase, back).map((amount) => points(rule, purchase, amount)));
    return [rounded(sum.reduce(added, { above: 0n, below: 1n }), wallet.rounding)];
  }
  return earn.map((rule) => {
    const amounts = amountsOf(rule, purchase, back);
    const each = wallet.rounded === 'line' ? amounts : [total(amounts)];
    return total(each.map((amount) => rounded(points(rule, purchase, amount), rule.rounding)));
  });
}

function isFor({ stores, from, below }: EarnRule, { store, counted }: Bought): boolean {
  if (stores !== undefined && !stores.includes(store)) return false;
  if (from !== undefined && counted * from.below < from.above) return false;
  return below === undefined || counted * below.below < below.above;
}

/** What the rule counts, line by line: minor units, pieces, lines, or the one purchase. */
function amountsOf({ skus, categories, each }: EarnRule, purchase: Bought, back: readonly Back[]): bigint[] {
  const lines = purchase.lines.map((line, index) => ({ ...line, ...leftOfLine(line, index, back) }));
  const money = spread(
    countedLeft(purchase, back),
    lines.map(({ amount }) => amount),
  );
  const isAny = skus === undefined && categories === undefined;
  const mine = lines.flatMap(({ sku, category, quantity }, index) =>
    (skus === undefined || skus.includes(sku)) && (categories === undefined || categories.includes(category))
      ? [{ quantity: BigInt(quantity), money: money[index] ?? 0n }]
      : [],
  );
  switch (each) {
    case undefined:
      return lines.length === 0 && isAny ? [countedLeft(purchase, back)] : mine.map((line) => line.money);
    case 'piece':
      return mine.map(({ quantity }) => quantity);
    case 'line':
      return mine.map(({ quantity }) => (quantity > 0n ? 1n : 0n));
    case 'purchase':
      return [(isAny ? !isGone(purchase, back) : mine.some(({ quantity }) => quantity > 0n)) ? 1n : 0n];
  }
}

/** Exact: what is rounded is rule and multiplier together. */
function points({ points, per }: EarnRule, { multiplier }: Bought, amount: bigint): Fraction {
  return {
    above: amount * points * multiplier.above * (per?.below ?? 1n),
    below: multiplier.below * (per?.above ?? 1n),
  };
}

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
