import { it } from 'vitest';
import { newTally, simulate } from './sim.ts';

it('probe', { timeout: 300000 }, async () => {
  const from = Number(process.env['FROM'] ?? 1),
    to = Number(process.env['TO'] ?? 30);
  const tally = newTally();
  let fails = 0;
  const kinds = new Map<string, number[]>();
  const t = performance.now();
  for (let seed = from; seed <= to; seed++) {
    try {
      await simulate({ seed, ...(process.env['PACKETS'] ? { packets: Number(process.env['PACKETS']) } : {}) }, tally);
    } catch (e) {
      fails++;
      const m = (e as Error).message.split('\n')[0] ?? '';
      const k = m.replace(/^seed \d+: /, '').slice(0, 22);
      kinds.set(k, [...(kinds.get(k) ?? []), seed]);
      if (fails <= Number(process.env['SHOW'] ?? 2))
        console.log((e as Error).message.slice(0, 6000), ((e as Error).cause as Error)?.stack);
    }
  }
  console.log(fails, kinds, tally, (performance.now() - t) / (to - from + 1));
});
