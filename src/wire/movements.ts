/** What an entry moved, as the world sees it: JSON, in an outcome, a ledger page or an effect. */
import { MOVEMENTS_SHOWN_MAX } from '../limits.ts';
import { sumOfDays } from '../scoring/days.ts';
import type { Entry, Expiration, ReversalPart, Take } from '../scoring/entry.ts';
import { earnedPoints } from '../scoring/points.ts';
import { instantText } from './instant-text.ts';

/** Rules of movements that no earn rule made. */
const EXPIRATION = 'expiration';
const FORGIVEN = 'forgiven';
const REDEMPTION = 'redemption';
const HOLD = 'hold';
const RELEASE = 'release';

/** One movement of points and the rule that made it. */
export interface MovementView {
  readonly wallet: string;
  /** Signed. */
  readonly amount: number;
  /**
   * The earn rule, `tier:<level>` for what a level's multiplier added, `redemption`, `hold`, `release`, `adjustment` or
   * `expiration`; in a reversal, `expiration` gives back what had expired before and so cannot be taken again, and `forgiven`
   * what the wallet's policy leaves to the member.
   */
  readonly rule: string;
  /**
   * Of a reversal: the purchase or the redemption it came from; absent for goods of unknown origin, and where movements are
   * added up by rule.
   */
  readonly originalId?: string;
}

/** Points of a wallet that expire, or have, at an instant. */
export interface ExpiringView {
  readonly wallet: string;
  readonly amount: number;
  readonly at: string;
}

export function expiredView({ walletId, earned, at }: Expiration): ExpiringView {
  return { wallet: walletId, amount: sumOfDays(earned, -Infinity, Infinity), at: instantText(at) };
}

/** What an entry moved when it was made, into what is available or pending, or out of it. */
export function movementsOf(entry: Entry): MovementView[] {
  switch (entry.kind) {
    case 'accrual':
      return earnedPoints(entry).flatMap(({ terms: { walletId, ruleId, levelId }, base, bonus }) =>
        movements({ walletId, base, bonus, ruleId, levelId }, undefined),
      );
    case 'reversal':
    case 'void':
      return shown(entry.parts.flatMap(movementsBack));
    case 'redemption':
      return [{ wallet: entry.walletId, amount: -entry.points, rule: REDEMPTION }];
    case 'hold':
      return [{ wallet: entry.walletId, amount: -entry.points, rule: HOLD }];
    case 'capture': {
      const { walletId: wallet, points, released, originalId } = entry;
      return [
        { wallet, amount: points + released, rule: RELEASE, originalId },
        { wallet, amount: -points, rule: REDEMPTION, originalId },
      ];
    }
    case 'release':
      return [{ wallet: entry.walletId, amount: entry.points, rule: RELEASE, originalId: entry.originalId }];
    case 'redemption_reversal': {
      const { walletId, points, redemptionId } = entry.restored;
      return [{ wallet: walletId, amount: points, rule: REDEMPTION, originalId: redemptionId }];
    }
    case 'adjustment':
      return [{ wallet: entry.walletId, amount: entry.points, rule: 'adjustment' }];
    case 'settlement':
    case 'exception':
    case 'exception_end':
    case 'enrolment':
      return [];
    case 'expiration': {
      const { wallet, amount } = expiredView(entry);
      return [{ wallet, amount: -amount, rule: EXPIRATION }];
    }
  }
}

function movementsBack({ originalId, takes, restored }: ReversalPart): MovementView[] {
  const original = originalId === '' ? undefined : originalId;
  const taken = takes.flatMap((take) => {
    // Subtracted from 0, since the negative of 0 is a -0 that not every reader takes for 0.
    const back = movements({ ...take, base: 0 - take.base, bonus: 0 - take.bonus }, original);
    const { walletId: wallet, expired, forgiven } = take;
    const of = original === undefined ? {} : { originalId };
    if (expired > 0) back.push({ wallet, amount: expired, rule: EXPIRATION, ...of });
    if (forgiven > 0) back.push({ wallet, amount: forgiven, rule: FORGIVEN, ...of });
    return back;
  });
  if (restored === undefined) return taken;
  const { walletId, points, redemptionId } = restored;
  return [...taken, { wallet: walletId, amount: points, rule: REDEMPTION, originalId: redemptionId }];
}

/** What one message can hold: of a return of very many purchases, the sums by wallet and rule. */
function shown(all: MovementView[]): MovementView[] {
  if (all.length <= MOVEMENTS_SHOWN_MAX) return all;
  const sums = new Map<string, MovementView>();
  for (const { wallet, rule, amount } of all) {
    const key = `${wallet} ${rule}`;
    sums.set(key, { wallet, amount: (sums.get(key)?.amount ?? 0) + amount, rule });
  }
  return [...sums.values()];
}

type Given = Pick<Take, 'walletId' | 'ruleId' | 'base' | 'levelId' | 'bonus'>;

function movements(
  { walletId: wallet, base, bonus, ruleId, levelId }: Given,
  originalId: string | undefined,
): MovementView[] {
  const original = originalId === undefined ? {} : { originalId };
  const result: MovementView[] = [{ wallet, amount: base, rule: ruleId, ...original }];
  if (bonus !== 0) {
    result.push({ wallet, amount: bonus, rule: levelId === '' ? ruleId : `tier:${levelId}`, ...original });
  }
  return result;
}
