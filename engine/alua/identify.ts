// What a device says it is: INQUIRY for its TPGS bits, VPD page 0x83 for its id and its target port group. Asked before
// it becomes a path; a device that speaks no SCSI is what its `lun` says.
import type { Lun, PathDevice } from '../../adapters/ports.ts'
import { hasCode, messageOf, PathledgerError } from '../../errors.ts'
import { identificationBytes } from '../../adapters/scsi/designators.ts'
import { DEVICE_IDENTIFICATION, inquiryCdb, parseInquiry } from '../../adapters/scsi/inquiry.ts'
import { lunId, targetPort, type TargetPort } from '../../adapters/scsi/lun-id.ts'
import type { Core } from '../core/core.ts'
import { failureText, isGood, isIllegal, sendReady, type Answered } from './command.ts'

export interface Identity {
  /** What the LUN is, by its own bytes. */
  readonly lun: Lun
  /** INQUIRY's TPGS bits; null where nothing was asked. */
  readonly tpgs: number | null
  /** Where the path goes in; null where the device has no ALUA. */
  readonly port: TargetPort | null
}

const INQUIRY_ALLOCATION = 255
const IDENTIFICATION_ALLOCATION = 252
/** Room for an id of 256 characters with its end, and to see that there is more. */
const ID_BUFFER = 1100
const IMPLICIT = 0x1

/** Asks a device what it is. Throws PATH_NOT_IDENTIFIED when it does not answer or not in words that can be read. */
export async function identify(core: Core, device: PathDevice): Promise<Identity> {
  const { lun } = device
  if (device.command === undefined) return { lun, tpgs: null, port: null }
  try {
    const { tpgs } = parseInquiry(await inquire(core, device, null, INQUIRY_ALLOCATION))
    const page = await identificationPage(core, device)
    return {
      lun: { ...lun, wwid: idOf(page), implicitAlua: (tpgs & IMPLICIT) !== 0 },
      tpgs,
      port: tpgs === 0 ? null : portOf(page),
    }
  } catch (error) {
    throw notIdentified(device, error)
  }
}

/** The device as a path of the LUN that it says it belongs to. */
export function asIdentified(device: PathDevice, { lun }: Identity): PathDevice {
  const same = lun.wwid === device.lun.wwid && lun.implicitAlua === device.lun.implicitAlua
  if (same) return device
  return Object.create(device, { lun: { value: lun, enumerable: true } }) as PathDevice
}

/** An id that cannot be had is the empty one: it is refused as such, and the device stays a plain one. */
function idOf(page: Uint8Array | null): string {
  try {
    return lunId(page, ID_BUFFER).id
  } catch (error) {
    if (hasCode(error, 'VPD_NO_ID') || hasCode(error, 'VPD_NO_PAGE')) return ''
    throw error
  }
}

function portOf(page: Uint8Array | null): TargetPort | null {
  try {
    return targetPort(page)
  } catch (error) {
    if (hasCode(error, 'VPD_NO_GROUP') || hasCode(error, 'VPD_NO_PAGE')) return null
    throw error
  }
}

/** Page 0x83 in full; null where the device has none. */
async function identificationPage(core: Core, device: PathDevice): Promise<Uint8Array | null> {
  const answer = await ask(core, device, DEVICE_IDENTIFICATION, IDENTIFICATION_ALLOCATION)
  if (isIllegal(answer)) return null
  const first = data(answer)
  const needed = first.length < 4 ? first.length : identificationBytes(first)
  return needed <= first.length ? first : inquire(core, device, DEVICE_IDENTIFICATION, needed)
}

async function inquire(
  core: Core,
  device: PathDevice,
  page: number | null,
  bytes: number,
): Promise<Uint8Array> {
  return data(await ask(core, device, page, bytes))
}

function ask(core: Core, device: PathDevice, page: number | null, bytes: number): Promise<Answered> {
  return sendReady(core, device, { cdb: inquiryCdb(page, bytes), dataOut: null }, () => undefined)
}

function data(answer: Answered): Uint8Array {
  if (isGood(answer)) return answer.data
  throw new Error(`INQUIRY was answered with ${failureText(answer)}`)
}

function notIdentified({ device }: PathDevice, cause: unknown): PathledgerError {
  return new PathledgerError('PATH_NOT_IDENTIFIED', {
    message: `${device} was refused as a path.`,
    why: `It does not say what it is: ${messageOf(cause)}.`,
    todo: 'Check the device. It still belongs to your program, which may use or close it.',
    errno: 'EIO',
    cause,
  })
}
