// One SCSI command down a path, with a time limit; and again where the target only wanted to tell us something first.
import type { PathDevice, ScsiAnswer, ScsiCommand } from '../../adapters/ports.ts'
import { notAnswered } from '../../adapters/scsi/answers.ts'
import { CHECK_CONDITION } from '../../adapters/scsi/cdb.ts'
import { parseSense, SENSE_KEYS, senseText, type Sense } from '../../adapters/scsi/sense.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'

/** Unit attentions that one command may meet before it is given up: each is told once, so a few are normal (D-59). */
const RETRIES_MAX = 5

/** An answer with its sense data in words; null where there is none, or none that can be read. */
export interface Answered extends ScsiAnswer {
  readonly said: Sense | null
}

/** Sends a command and always resolves: with the answer, or with ETIMEDOUT after `commandTimeoutMs`. */
export function send(core: Core, device: PathDevice, command: ScsiCommand): Promise<Answered> {
  return new Promise((resolve) => {
    let open = true
    const finish = (answer: ScsiAnswer) =>
      guarded(core, () => {
        if (!open) return
        open = false
        timer.cancel()
        resolve({ ...answer, said: saidBy(answer) })
      })
    const { clock, settings } = core
    const dueUs = clock.monoUs() + usOfMs(settings.commandTimeoutMs)
    const timer = clock.setTimer(dueUs, () => finish(notAnswered('ETIMEDOUT')))
    if (device.command === undefined) finish(notAnswered('EOPNOTSUPP'))
    else device.command(command, finish)
  })
}

/** Sends a command again after each unit attention, which `told` hears of; at most five times. */
export async function sendReady(
  core: Core,
  device: PathDevice,
  command: ScsiCommand,
  told: (sense: Sense) => void,
): Promise<Answered> {
  let answer = await send(core, device, command)
  for (let retry = 0; retry < RETRIES_MAX && isAttention(answer); retry += 1) {
    told(answer.said)
    answer = await send(core, device, command)
  }
  return answer
}

/** True when the target took the command and did it. */
export function isGood({ errno, status }: ScsiAnswer): boolean {
  return errno === null && status === 0
}

/** True when the target says that it does not know such a command, or not in this form. */
export function isIllegal({ status, said }: Answered): boolean {
  return status === CHECK_CONDITION && said?.key === SENSE_KEYS.illegalRequest
}

/** 'EIO', 'CHECK CONDITION 6/29/00' or 'status 0x08': what went wrong, for the ledger. */
export function failureText({ errno, status, said }: Answered): string {
  if (errno !== null) return errno
  return said === null ? `status 0x${status.toString(16).padStart(2, '0')}` : `sense ${senseText(said)}`
}

function isAttention(answer: Answered): answer is Answered & { readonly said: Sense } {
  return answer.status === CHECK_CONDITION && answer.said?.key === SENSE_KEYS.unitAttention
}

function saidBy({ sense }: ScsiAnswer): Sense | null {
  return sense === null ? null : readSense(sense)
}

/** Sense data in words; null for bytes that are none. */
export function readSense(bytes: Uint8Array): Sense | null {
  try {
    return parseSense(bytes)
  } catch {
    return null
  }
}
