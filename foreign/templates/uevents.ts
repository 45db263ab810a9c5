// What a uevent states. It is the richest witness there is: path, map and device numbers in one.
import type { Statement } from '../types.ts'

const BLOCK =
  /\/host(\d+)\/(?:.*\/)?(?:(rport-\d+:\d+-\d+)|session(\d+))?.*?(\d+:\d+:\d+:\d+)\/block\/(sd[a-z]+)$/
const ATTENTION: Readonly<Record<string, string>> = {
  CAPACITY_DATA_HAS_CHANGED: 'capacity data changed',
  INQUIRY_DATA_HAS_CHANGED: 'inquiry data changed',
  REPORTED_LUNS_DATA_HAS_CHANGED: 'LUN assignments changed',
  ASYMMETRIC_ACCESS_STATE_CHANGED: 'asymmetric access state changed',
  POWER_ON_RESET_OCCURRED: 'power on or device reset',
  MODE_PARAMETERS_CHANGED: 'mode parameters changed',
}

const NAMES = [
  ['map', 'DM_NAME'],
  ['sequence', 'DM_SEQNUM'],
  ['valid', 'DM_NR_VALID_PATHS'],
] as const

/** A uevent of the kernel as a statement; null where it is about no path or map. */
export function ueventStatement(first: string, fields: ReadonlyMap<string, string>): Statement | null {
  const action = fields.get('DM_ACTION')
  if (fields.get('DM_TARGET') === 'multipath' && action !== undefined) return pathEvent(action, fields)
  const attention = fields.get('SDEV_UA')
  if (attention !== undefined) return attentionEvent(attention, fields.get('DEVPATH') ?? first)
  if (fields.get('SUBSYSTEM') === 'block' && fields.get('DEVTYPE') === 'disk') return diskEvent(fields)
  return null
}

function pathEvent(action: string, given: ReadonlyMap<string, string>): Statement | null {
  const says = { PATH_FAILED: 'kernelFailed', PATH_REINSTATED: 'kernelBack' }[action]
  const devt = given.get('DM_PATH')
  if (says === undefined || devt === undefined) return null
  const fields: Record<string, string> = { devt }
  for (const [name, key] of NAMES) {
    const value = given.get(key)
    if (value !== undefined) fields[name] = value
  }
  const minor = given.get('MINOR')
  if (minor !== undefined)
    Object.assign(fields, { dm: `dm-${minor}`, dmDevt: `${given.get('MAJOR') ?? ''}:${minor}` })
  const uuid = given.get('DM_UUID') ?? ''
  if (uuid.startsWith('mpath-')) fields.wwid = uuid.slice('mpath-'.length)
  return { template: `uevent.${action}`, says, fields }
}

function attentionEvent(word: string, path: string): Statement | null {
  const hctl = /(\d+:\d+:\d+:\d+)(?: \(.*\))?$/.exec(path)?.[1]
  const what = ATTENTION[word]
  if (hctl === undefined || what === undefined) return null
  return { template: `uevent.${word}`, says: 'attention', fields: { hctl, what } }
}

function diskEvent(fields: ReadonlyMap<string, string>): Statement | null {
  const match = BLOCK.exec(fields.get('DEVPATH') ?? '')
  const action = fields.get('ACTION')
  if (match === null || (action !== 'add' && action !== 'remove')) return null
  const [, , rport, session, hctl = '', dev = ''] = match
  return {
    template: `uevent.disk-${action}`,
    says: action === 'add' ? 'diskIs' : 'diskGone',
    fields: {
      ...{ hctl, dev },
      ...(rport === undefined ? {} : { rport: rport.slice('rport-'.length) }),
      ...(session === undefined ? {} : { sid: session }),
    },
  }
}
