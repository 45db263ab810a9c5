// Mistakes on the way of the data that somebody could make, each by its name. A review found most of them alive in a tree whose
// tests were green: from now on each must be noticed.

export interface Named {
  readonly name: string
  readonly file: string
  /** The expression or statement, as it stands in the file but for white space. */
  readonly from: string
  /** What stands there with the mistake. */
  readonly to: string
}

const ATTEMPTS = 'engine/io/attempts.ts'
const BOOK = 'engine/lun/ghost-book.ts'

export const NAMED_OF_IO: readonly Named[] = [
  {
    name: 'overtaken write not held again',
    file: ATTEMPTS,
    from: 'if (over !== null && !head.core.guardsOff) return hold(head, bio, over)',
    to: '',
  },
  {
    name: 'failed flush leaves its path clean',
    file: ATTEMPTS,
    from: "if (status === 'OK') answeredWell(head, attempt)",
    to: "if (status === 'OK') answeredWell(head, attempt); else if (attempt.op === 'flush') path.cache.cover(attempt.covers)",
  },
  {
    name: 'write does not mark its path',
    file: ATTEMPTS,
    from: 'if (isMutation(bio) && !isDurable(bio)) head.lun.writes.acknowledge(path.cache)',
    to: '',
  },
  {
    name: 'one flush speaks for all paths',
    file: 'engine/io/flushes.ts',
    from: 'head.lun.writes.uncovered().filter((cache) => cache.untold || isWithinReach(head, cache))',
    to: 'head.lun.writes.uncovered().slice(0, 1)',
  },
  {
    name: 'a flush speaks for writes that came after it was sent',
    file: 'engine/io/flushes.ts',
    from: '!ended && (live === null || live.covers >= number)',
    to: '!ended',
  },
  {
    name: 'abandoned error taken as proof, at once',
    file: ATTEMPTS,
    from: "errorClass !== 'path' || (path.device.guarantees.errorsAreFinal && completion.abandoned !== true)",
    to: "errorClass !== 'path' || path.device.guarantees.errorsAreFinal",
  },
  {
    name: 'abandoned error taken as proof, late',
    file: ATTEMPTS,
    from: 'const final = path.device.guarantees.errorsAreFinal && completion.abandoned !== true',
    to: 'var final = path.device.guarantees.errorsAreFinal',
  },
  {
    name: 'detach before ghosts are durable',
    file: 'engine/attach/registry.ts',
    from: 'const notDurable = await ghosts.durable(path.attach.id)',
    to: 'var notDurable = null',
  },
  {
    name: 'ring closed without abandoned',
    file: 'adapters/uring/backend.ts',
    from: "{ ...failed('ECANCELED'), abandoned: true }",
    to: "failed('ECANCELED')",
  },
  {
    name: 'younger write overtakes an older held one',
    file: 'engine/io/waiting.ts',
    from: 'head.lun.ghosts.index.holder(bio, bio.id) ?? headQueue(head).waiters.aheadOf(bio)',
    to: 'head.lun.ghosts.index.holder(bio, bio.id)',
  },
  {
    name: 'RWF_DSYNC dropped',
    file: 'adapters/uring/submission.ts',
    from: 'write && fua ? RW.nowait | RW.dsync : RW.nowait',
    to: 'RW.nowait',
  },
  {
    name: 'a later answer proves over what the kernel has',
    file: 'engine/heads/runtime.ts',
    from: 'returnedUs !== null && returnedUs < startedUs',
    to: 'returnedUs === null || returnedUs < startedUs',
  },
  {
    name: 'a later answer proves over what was given back after it was sent',
    file: 'engine/heads/runtime.ts',
    from: '({ returnedUs }) => returnedUs !== null && returnedUs < startedUs',
    to: '({ returnedUs }) => returnedUs !== null',
  },
  {
    name: 'fence ends earlier lives',
    file: 'engine/health/fencing.ts',
    from: 'attach.id === own.id || (isSameDevice(attach, own) && returnedUs !== null)',
    to: 'attach.path === own.path',
  },
  {
    name: "a re-sent read uses the hung read's memory",
    file: ATTEMPTS,
    from: `if (bio.op === 'read' && bio.block !== null) {
    head.core.pool.release(bio.block)
    bio.block = null
  }`,
    to: '',
  },
  {
    name: 'ghost ends before that is durable',
    file: BOOK,
    from: 'for (const ghost of ending) ghost.ending = proof',
    to: 'for (const ghost of ending) { ghost.ending = proof; this.index.delete(ghost) }; this.#onEnded()',
  },
  {
    name: 'preempt does not wait',
    file: 'engine/lun/lun-reservations.ts',
    from: 'let pending = await this.#pendingAt(epoch)',
    to: 'var pending = []',
  },
]
