// REPORT TARGET PORT GROUPS through one path: the extended header first, unless the target has refused it before; again
// with the real size where the answer is longer; again after unit attentions.
import { messageOf } from '../../errors.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import {
  parsePortGroups,
  portGroupsBytes,
  portGroupsCdb,
  type PortGroups,
} from '../../adapters/scsi/port-groups.ts'
import type { Sense } from '../../adapters/scsi/sense.ts'
import type { Core } from '../core/core.ts'
import { failureText, isGood, isIllegal, sendReady, type Answered } from './command.ts'

/** What is remembered of a target between two reports. */
export interface ReportMemory {
  /** It has refused the extended header (D-57). */
  short: boolean
}

/** A report, or why there is none. */
export type Report = { readonly groups: PortGroups } | { readonly failed: string }

const FIRST_ALLOCATION = 128
/** 1,024 groups of 16 ports come to less; a target that says more is not believed. */
const ALLOCATION_MAX = 128 * 1024

/** Asks once, whole procedure included. Never throws; `told` hears of unit attentions on the way. */
export async function askForGroups(
  core: Core,
  device: PathDevice,
  memory: ReportMemory,
  told: (sense: Sense) => void,
): Promise<Report> {
  const ask = (allocation: number): Promise<Answered> => {
    const cdb = portGroupsCdb(!memory.short, allocation)
    return sendReady(core, device, { cdb, dataOut: null }, told)
  }
  let answer = await ask(FIRST_ALLOCATION)
  if (!memory.short && isIllegal(answer)) {
    memory.short = true
    answer = await ask(FIRST_ALLOCATION)
  }
  try {
    if (!isGood(answer)) return { failed: failureText(answer) }
    const needed = portGroupsBytes(answer.data)
    if (needed > ALLOCATION_MAX) return { failed: `it says that its answer has ${needed} bytes` }
    if (needed > answer.data.length) answer = await ask(needed)
    return isGood(answer) ? { groups: parsePortGroups(answer.data) } : { failed: failureText(answer) }
  } catch (error) {
    return { failed: messageOf(error).slice(0, 400) }
  }
}
