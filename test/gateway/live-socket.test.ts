/** Whom a busy socket gets what, step by step: its fill level is set by the test. */
import { beforeEach, expect, it } from 'vitest';
import { LiveSocket, type SocketPort } from '../../src/gateway/live-socket.ts';
import { type LivePosition, type Topic, TopicState, Watch } from '../../src/gateway/live-topic.ts';
import { SOCKET_BACKPRESSURE_BYTES_MAX, SOCKET_CONFLATE_BYTES } from '../../src/limits.ts';
import { RecordedCounters } from './harness.ts';

const SENT = 1;
const DROPPED = 2;

let buffered = 0;
let answer = SENT;
let sent: string[] = [];
let closedWith: number[] = [];
let counters = new RecordedCounters();
let socket: LiveSocket;

beforeEach(() => {
  buffered = 0;
  answer = SENT;
  sent = [];
  closedWith = [];
  counters = new RecordedCounters();
  const ws: SocketPort = {
    send: (frame) => {
      const { type, topic, version } = JSON.parse(String(frame)) as { type: string; topic: string; version: number };
      if (answer === SENT) sent.push(`${type} ${topic} ${version}`);
      return answer;
    },
    getBufferedAmount: () => buffered,
    cork: (callback) => {
      callback();
      return Object.create(null);
    },
    end: (code) => {
      closedWith.push(code ?? 0);
    },
  };
  socket = new LiveSocket(ws, counters, () => undefined);
});

class TestTopic implements Topic {
  readonly watches = new Set<Watch>();
  readonly name: string;
  readonly conflates: boolean;
  state: TopicState;

  constructor(name: string, conflates = true) {
    this.name = name;
    this.conflates = conflates;
    this.state = new TopicState(name, { epoch: 'e', version: 1 }, '1');
  }

  /** As if the log had received it at its version. */
  put(version: number, epoch = 'e'): void {
    this.state = new TopicState(this.name, { epoch, version }, '1', { loggedAtMs: version });
    for (const watch of this.watches) socket.deliver(watch);
  }

  watch(resume?: LivePosition): Watch {
    const watch = new Watch(socket, this);
    this.watches.add(watch);
    watch.start(resume);
    socket.deliver(watch);
    return watch;
  }
}

it('sends every state while the socket keeps up, and none twice', () => {
  const topic = new TestTopic('a');
  const watch = topic.watch();
  topic.put(2);
  socket.deliver(watch);
  topic.put(2);
  topic.put(3);
  expect(sent).toEqual(['snapshot a 1', 'update a 2', 'update a 3']);
});

it('sends a busy socket the latest state of each topic once it has drained', () => {
  const [a, b] = [new TestTopic('a'), new TestTopic('b')];
  a.watch();
  b.watch();
  sent = [];
  buffered = SOCKET_CONFLATE_BYTES + 1;
  for (const version of [2, 3, 4]) for (const topic of [a, b]) topic.put(version);
  socket.flush();
  expect([sent, counters.conflated, socket.isDirty]).toEqual([[], 6, true]);
  buffered = SOCKET_CONFLATE_BYTES;
  socket.flush();
  socket.flush();
  expect([sent, socket.isDirty]).toEqual([['update a 4', 'update b 4'], false]);
});

it('counts an update as pushed when the socket takes it, and one that never goes out not at all', () => {
  const topic = new TestTopic('a');
  topic.watch();
  topic.put(2);
  expect(counters.pushes).toEqual([2]);
  buffered = SOCKET_CONFLATE_BYTES + 1;
  topic.put(3);
  topic.put(4);
  expect(counters.pushes).toEqual([2]);
  buffered = 0;
  socket.flush();
  expect(counters.pushes).toEqual([2, 4]);
  // A first frame, and a frame the socket loses.
  new TestTopic('b').watch();
  answer = DROPPED;
  topic.put(5);
  expect(counters.pushes).toEqual([2, 4]);
});

it('does not repeat to a draining socket what it got as an answer meanwhile', () => {
  const topic = new TestTopic('a');
  const watch = topic.watch();
  buffered = SOCKET_CONFLATE_BYTES + 1;
  topic.put(2);
  watch.start(undefined);
  socket.deliver(watch);
  buffered = 0;
  socket.flush();
  expect(sent).toEqual(['snapshot a 1', 'snapshot a 2']);
});

it('drops for a busy socket what comes again anyway', () => {
  const topic = new TestTopic('stats', false);
  topic.watch();
  buffered = SOCKET_CONFLATE_BYTES + 1;
  topic.put(2);
  buffered = 0;
  socket.flush();
  expect([sent, counters.dropped, counters.conflated, socket.isDirty]).toEqual([['snapshot stats 1'], 1, 0, false]);
  topic.put(3);
  expect(sent.at(-1)).toBe('update stats 3');
});

it('begins anew with a snapshot in another epoch, also after draining', () => {
  const topic = new TestTopic('a');
  topic.watch({ epoch: 'e', version: 1 });
  buffered = SOCKET_CONFLATE_BYTES + 1;
  topic.put(1, 'f');
  buffered = 0;
  socket.flush();
  expect(sent).toEqual(['current a 1', 'snapshot a 1']);
});

it('sends nothing of a topic that was let go while the socket was busy', () => {
  const topic = new TestTopic('a');
  const watch = topic.watch();
  buffered = SOCKET_CONFLATE_BYTES + 1;
  topic.put(2);
  socket.forget(watch);
  buffered = 0;
  socket.flush();
  expect(sent).toEqual(['snapshot a 1']);
});

it('closes a socket once that is too full, or has lost a frame, and then leaves it alone', () => {
  const topic = new TestTopic('a');
  buffered = SOCKET_BACKPRESSURE_BYTES_MAX + 1;
  const watch = topic.watch();
  expect([sent, closedWith, counters.closed]).toEqual([[], [4001], ['slow']]);
  buffered = 0;
  topic.put(2);
  watch.start(undefined);
  socket.deliver(watch);
  socket.reply('{}');
  socket.flush();
  socket.close('going_away');
  expect([sent, closedWith]).toEqual([[], [4001]]);
});

it.each(['at once', 'after draining'])('closes a socket that lost a frame %s', (when) => {
  const topic = new TestTopic('a');
  topic.watch();
  if (when === 'after draining') buffered = SOCKET_CONFLATE_BYTES + 1;
  answer = DROPPED;
  topic.put(2);
  buffered = 0;
  socket.flush();
  expect([closedWith, counters.closed]).toEqual([[4001], ['slow']]);
});
