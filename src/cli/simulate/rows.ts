/** The report as tables of before, after and difference: what the terminal and the page both show. */
import { FLOWS } from '../../partition/tally.ts';
import { levelText, momentText, moneyText, numberText, signed } from './format.ts';
import type { Change, SimulationReport, TierReport, WalletReport } from './report.ts';

export interface Row {
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** '' for none. */
  readonly difference: string;
}

export function summaryLines({ program, from, log, seconds, eventsPerSecond }: SimulationReport): string[] {
  const { name, before, after } = program;
  return [
    `${name}: version ${after} from ${from === null ? 'the beginning' : momentText(from)} on, against the log's own programs (now version ${before})`,
    `Log of ${momentText(log.first)} to ${momentText(log.last)}: ${numberText(log.events)} events in ${log.partitions} partitions,`,
    `folded twice in ${seconds} s, ${numberText(eventsPerSecond)} events/s`,
  ];
}

export function row(label: string, { before, after, difference }: Change, text = numberText): Row {
  return { label, before: text(before), after: text(after), difference: signed(difference, text) };
}

export function levelRows({ levels }: TierReport): Row[] {
  return levels.map(({ level, ...change }) => row(levelText(level), change));
}

export function movesLine({ stay, up, down, moves }: TierReport): string {
  const rest = moves.reduce((sum, { members }) => sum + members, 0) - stay - up - down;
  const others = rest === 0 ? '' : `, ${numberText(rest)} to a level of another name`;
  return `${numberText(up)} members move up, ${numberText(down)} down${others}; ${numberText(stay)} stay`;
}

/** Members by level before (rows) and after (columns), with names; '' for nobody. */
export function moveMatrix({ levels, moves }: TierReport): string[][] {
  const names = levels.map(({ level }) => level);
  const cell = (from: string | null, to: string | null): string => {
    const move = moves.find((one) => one.from === from && one.to === to);
    return move === undefined ? '' : numberText(move.members);
  };
  return [
    ['from \\ to', ...names.map(levelText)],
    ...names.map((from) => [levelText(from), ...names.map((to) => cell(from, to))]),
  ];
}

export function walletRows(wallet: WalletReport, currency: string | undefined): Row[] {
  const { available, pending, held, debt } = wallet.outstanding;
  const money = (minor: number): string => moneyText(minor, currency ?? '');
  const { cost } = wallet;
  return [
    ...FLOWS.map((flow) => row(flow, wallet[flow])),
    row('available', available),
    row('pending', pending),
    row('held', held),
    row('debt', debt),
    ...(cost === undefined
      ? []
      : [
          row(`cost of issued, ${currency}`, cost.issued, money),
          row(`cost of outstanding, ${currency}`, cost.outstanding, money),
        ]),
  ];
}
