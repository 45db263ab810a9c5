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

/**
 * Deadlines of which nobody knows in which boot they were armed: no further away than their timers run at all, so that
 * they hang in no case.
 */
export function boundDeadlines(
  timers: Readonly<Record<string, number>>,
  runUs: Readonly<Record<string, number>>,
  nowUs: number,
): Record<string, number> {
  const bound = (timer: string, dueUs: number) => Math.min(dueUs, nowUs + (runUs[timer] ?? LONGEST_US))
  return Object.fromEntries(Object.entries(timers).map(([timer, dueUs]) => [timer, bound(timer, dueUs)]))
}

/** No timer runs for more than a day. */
const LONGEST_US = 86_400_000_000

/** Where the kernel does not name its boots, two runs are taken for two boots. */
export function isSameBoot(last: Moment, now: Moment): boolean {
  return last.bootId === now.bootId && last.bootId !== 'unknown' && last.monoUs <= now.monoUs
}
