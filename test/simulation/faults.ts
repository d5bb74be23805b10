/** What the simulator does to an owner: where it dies, and the bugs it is given on purpose to see whether they are caught. */

/**
 * Where a process that owns a partition can die, in the order in which it passes these places. Everything it does to the
 * log and to the disk is between two of them, so that dying anywhere else comes to the same.
 */
export const CRASH_POINTS = [
  /** Its start has asked how far effects have come, and the answer is on its way. */
  'during-lookup',
  'before-apply',
  /** Some messages of an array are scored. */
  'mid-batch-array',
  /** Effects, members and position are taken; nothing of them has left the process. */
  'after-collect',
  'before-effects-publish',
  /** The first of several messages of effects of one checkpoint is stored. */
  'between-effects-messages',
  /** The message of effects is under way and arrives when somebody else may own the partition. */
  'effects-in-flight',
  'after-effects-stored-before-ack',
  'after-effects-acked',
  /** The log is away, or somebody else has written effects, and it is about to look again. */
  'during-retry',
  'before-commit',
  'after-commit-before-return',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Bugs an owner can be given. The simulator must find each. */
export const MUTATIONS = [
  /** The checkpoint is written first: a crash between the two loses effects. */
  'checkpoint-before-effects',
  /** A start believes that nothing has been sent yet. */
  'effects-not-suppressed',
  /** Effects are appended behind whatever is there. */
  'effects-unconditional',
  /** Members and position are two transactions. */
  'torn-checkpoint',
  /** The store is continued whatever the log says. */
  'position-unchecked',
  /** A timer that moves is not taken away from where it was. */
  'timers-left-behind',
  /** What the log delivers again is scored again. */
  'redelivered-scored',
] as const;

export type Mutation = (typeof MUTATIONS)[number];

/** The disk said no. */
export class CommitFailed extends Error {
  override readonly name = 'CommitFailed';
}
