/** A member's wallets and holds as bytes (bytes.ts), a part of the member's record (member-record.ts). */
import { POINTS_WALLET } from '../program/wallets.ts';
import type { Hold } from '../scoring/holds.ts';
import type { Member } from '../scoring/member.ts';
import { newWallet, type Wallet } from '../scoring/wallet.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { readDays, readLastingLots, readLots, writeDays, writeLastingLots, writeLots } from './lots-record.ts';

/** All wallets, empty ones left out: the program opens those again. */
export function writeWallets(out: ByteWriter, { wallets, holds }: Member): void {
  const full = wallets.filter((wallet) => !isEmpty(wallet));
  out.uint(full.length);
  for (const { id, balance, lots, pending, expired } of full) {
    out.text(id);
    out.int(balance);
    writeLots(out, lots);
    out.uint(pending.length);
    for (const value of pending) out.int(value);
    writeDays(out, expired);
  }
  out.uint(holds.length);
  for (const { id, walletId, until, taken } of holds) {
    out.text(id);
    out.text(walletId);
    out.uint(until);
    writeLots(out, taken);
  }
}

export function readWallets(from: ByteReader, member: Member): void {
  member.wallets = Array.from({ length: from.uint() }, (): Wallet => {
    const id = from.text();
    const balance = from.int();
    const lots = readLots(from);
    const pending = Array.from({ length: from.uint() }, () => from.int());
    return { id, balance, lots, pending, expired: readDays(from) };
  });
  member.holds = Array.from({ length: from.uint() }, (): Hold => {
    return { id: from.text(), walletId: from.text(), until: from.uint(), taken: readLots(from) };
  });
}

/** The wallet `points` of a member that has no other, or none yet. */
export function writeOnlyWallet(out: ByteWriter, wallet: Wallet | undefined, expires: boolean): void {
  const { balance, lots, expired } = wallet ?? EMPTY;
  out.int(balance);
  if (!expires) {
    writeLastingLots(out, lots);
    return;
  }
  writeLots(out, lots);
  writeDays(out, expired);
}

const EMPTY = newWallet(POINTS_WALLET);

export function readOnlyWallet(from: ByteReader, expires: boolean): Wallet {
  const wallet = newWallet(POINTS_WALLET);
  wallet.balance = from.int();
  wallet.lots = expires ? readLots(from) : readLastingLots(from);
  if (expires) wallet.expired = readDays(from);
  return wallet;
}

function isEmpty({ balance, lots, pending, expired }: Wallet): boolean {
  return balance === 0 && lots.length + pending.length + expired.length === 0;
}
