// A head has no usable path, and some of its paths are kept out by their access state alone: nothing of its I/O reaches the
// target, so nothing would bring the news of a change. Its groups are asked about until a path is usable, and their return
// is worth waiting for only so long.
//
//   waitBegan -> asked at once, then at intervals that double (timer `poll`) until waitEnded
//             -> after the given time (timer `wait`) I/O waits no longer for them; they are asked about all the same.
//                A transition has its own time: the wait's begins when none is under way
import type { LunEvent } from './events.ts'

export interface GroupWait {
  /** Time to the next look, and the longest there is. */
  readonly pollUs: number
  readonly maxUs: number
  /** How long the paths are worth waiting for, and until when, monotonic microseconds; null while that has not begun. */
  readonly forUs: number
  readonly untilUs: number | null
  /** That time is over. */
  readonly over: boolean
}

export function beginWait({ minUs, maxUs, forUs }: Extract<LunEvent, { type: 'lun.waitBegan' }>): GroupWait {
  return { pollUs: minUs, maxUs, forUs, untilUs: null, over: false }
}

/** A look found nothing that ends the wait: the next one comes later. */
export function slower(wait: GroupWait): GroupWait {
  return { ...wait, pollUs: Math.min(wait.maxUs, wait.pollUs * 2) }
}

/** No transition is under way: from now on its time runs. */
export function running(wait: GroupWait, atUs: number): GroupWait {
  return wait.over || wait.untilUs !== null ? wait : { ...wait, untilUs: atUs + wait.forUs }
}

/** Nobody waits for these paths any more. */
export function giveUp(wait: GroupWait): GroupWait {
  return { ...wait, untilUs: null, over: true }
}
