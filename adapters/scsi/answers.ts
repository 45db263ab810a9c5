// Answers that no target gave.
import type { ScsiAnswer } from '../ports.ts'

const NOTHING = new Uint8Array(0)

/** The command did not get through. */
export function notAnswered(errno: string): ScsiAnswer {
  return { errno, status: 0, sense: null, data: NOTHING }
}
