/** JetStream's reply subjects in the forms its versions use. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliveryOf } from '../../src/log/jetstream-message.ts';

const expected = {
  sequence: 4_000_000_123,
  deliverySequence: 7,
  timestampMs: 1_790_000_000_123,
  fractionMs: 0.999999,
  pending: 42,
};
const figures = '1.4000000123.7.1790000000123999999.42';

describe('deliveryOf', () => {
  it.each([
    ['2.9', `$JS.ACK.LOYALTY_EVENTS.consumer.${figures}`],
    ['with domain and account', `$JS.ACK.hub.ACCOUNT.LOYALTY_EVENTS.consumer.${figures}`],
    ['with a last token', `$JS.ACK._.ACCOUNT.LOYALTY_EVENTS.consumer.${figures}.x7Zq`],
  ])('reads the form %s', (_name, reply) => {
    expect(deliveryOf(reply)).toEqual(expected);
  });

  it.each(['', '_INBOX.abc.1', '$JS.ACK.LOYALTY_EVENTS.consumer.1.2.3'])('knows %j for something else', (reply) => {
    expect(deliveryOf(reply)).toBeUndefined();
  });

  it('rounds nanoseconds down to milliseconds exactly, and keeps the rest by itself', () => {
    const nanoseconds = fc.bigInt({ min: 10n ** 15n, max: 4n * 10n ** 18n });
    const property = fc.property(nanoseconds, (ns) => {
      const delivery = deliveryOf(`$JS.ACK.S.c.1.1.1.${ns}.0`);
      expect(delivery?.timestampMs).toBe(Number(ns / 1_000_000n));
      expect(delivery?.fractionMs).toBe(Number(ns % 1_000_000n) / 1_000_000);
    });
    fc.assert(property);
  });
});
