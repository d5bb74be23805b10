/** A purchase as the ledger keeps it, and its points on their way into wallets. */
import type { Program } from '../program/program.ts';
import type { Accrual, AccrualLine } from './entry.ts';
import type { Purchase } from './event.ts';
import { lastDayOf } from './expiry.ts';
import { type Member, walletOf } from './member.ts';
import { earn, rulesOf } from './wallet.ts';

const NO_LINES: AccrualLine[] = [];

/** Under a program, which need not be the one in force. `counted` is what of its amount earns and qualifies. */
export function accrualOf(
  program: Program,
  event: Purchase,
  at: number,
  counted: number,
  awards: Accrual['awards'],
  late: boolean,
): Accrual {
  return {
    kind: 'accrual',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    store: event.store,
    terminal: event.terminal,
    currency: event.currency,
    amount: event.amount,
    deductions: event.deductions,
    counted,
    redemptionId: event.redemptionId,
    programVersion: program.version,
    lines:
      event.lines.length === 0
        ? NO_LINES
        : event.lines.map(({ sku, category, quantity, amount }) => ({
            sku,
            category,
            quantity,
            amount,
            returnedQuantity: 0,
            returnedAmount: 0,
          })),
    awards,
    returnedAmount: 0,
    confirmed: false,
    late,
  };
}

export function earnPoints(program: Program, member: Member, walletId: string, day: number, points: number): void {
  const rules = rulesOf(program, walletId);
  earn(rules, walletOf(member, walletId), day, lastDayOf(rules, day), points);
}
