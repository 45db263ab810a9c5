// Deadlines after a restart. A monotonic time means something only within one boot of the machine: in the same boot a
// deadline stands as it is; after another one it is told anew, by the wall clock.

/** A moment by the clocks of one boot. */
export interface Moment {
  readonly bootId: string
  readonly monoUs: number
  readonly wallUs: number
}

/**
 * The deadlines that were armed by `last`, in the monotonic time of `now`. Never further away than they were then: a wall
 * clock that was set back meanwhile must not hang them. One that is past may be 0, and fires at once.
 */
export function rebaseDeadlines(
  timers: Readonly<Record<string, number>>,
  last: Moment,
  now: Moment,
): Record<string, number> {
  if (isSameBoot(last, now)) return { ...timers }
  const passedUs = Math.max(0, now.wallUs - last.wallUs)
  const rebase = (dueUs: number) => Math.max(0, now.monoUs + (dueUs - last.monoUs) - passedUs)
  return Object.fromEntries(Object.entries(timers).map(([timer, dueUs]) => [timer, rebase(dueUs)]))
}

/** Where the kernel does not name its boots, two runs are taken for two boots. */
export function isSameBoot(last: Moment, now: Moment): boolean {
  return last.bootId === now.bootId && last.bootId !== 'unknown' && last.monoUs <= now.monoUs
}
