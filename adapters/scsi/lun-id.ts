// Which designator of page 0x83 names the logical unit, and how it is written: the rules of section 4, one by one.
import { checkArguments, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { byteAt, hex, latin1, uint16At } from './bytes.ts'
import { ASSOCIATIONS, DESIGNATOR_TYPES, parseDeviceIdentification, type Designator } from './designators.ts'

/** An id with its length in full, which is more than the text has where the buffer cut it. */
export interface LunId {
  readonly id: string
  readonly length: number
}

/** Characters of a kernel's buffer for an id, its end included (SCSI_MPATH_DEVICE_ID_LEN). */
export const ID_BUFFER = 256
/** Below it the kernel does not try. */
const ID_BUFFER_MIN = 21

interface Choice extends LunId {
  readonly priority: number
  /** Length of the designator itself, whatever its text comes to. */
  readonly raw: number
}

/**
 * The id of a logical unit from its page 0x83; null stands for a device without that page. `buffer` counts the end of
 * the text. Throws VPD_NO_PAGE (ENXIO), VPD_BUFFER (EINVAL), VPD_NO_ID (EINVAL), and what the page's parser throws.
 */
export function lunId(page: Uint8Array | null, buffer: number = ID_BUFFER): LunId {
  if (page === null) throw noPage()
  checkArguments('lunId', { page }, { page: 'bytes' })
  if (!Number.isSafeInteger(buffer) || buffer < ID_BUFFER_MIN) throw smallBuffer(buffer)
  let choice: Choice | null = null
  for (const designator of parseDeviceIdentification(page)) choice = better(choice, designator, buffer)
  // An empty id is no id (D-10).
  if (choice === null || choice.id === '') throw noId()
  return { id: choice.id, length: choice.length }
}

/** Between equals the later wins; a T10 id or a name string must be no shorter than what was chosen. */
function better(current: Choice | null, designator: Designator, buffer: number): Choice | null {
  const { association, type, bytes } = designator
  if (association !== ASSOCIATIONS.logicalUnit) return current
  const priority = priorityOf(designator, buffer)
  if (priority === 0 || priority < (current?.priority ?? 0)) return current
  const byLength = type === DESIGNATOR_TYPES.t10 || type === DESIGNATOR_TYPES.nameString
  if (byLength && bytes.length < (current?.raw ?? 0)) return current
  const text = textOf(designator)
  // An NAA of a length that has no text form is skipped: it must not take the place of one that has.
  if (text === null) return current
  return { priority, raw: bytes.length, id: cut(designator, text, buffer), length: text.length }
}

/** How good a designator is; 0: none at all. */
export function priorityOf({ type, bytes }: Designator, buffer: number): number {
  switch (type) {
    case DESIGNATOR_TYPES.nameString:
      return bytes.length > buffer ? 2 : 9
    case DESIGNATOR_TYPES.naa:
      return bytes.length === 0 ? 0 : (NAA_PRIORITY[byteAt(bytes, 0) >> 4] ?? 0)
    case DESIGNATOR_TYPES.eui64:
      return EUI_PRIORITY[bytes.length] ?? 0
    case DESIGNATOR_TYPES.t10:
      return bytes.length === 0 ? 0 : 1
    default:
      return 0
  }
}

/** By first nibble: registered extended, registered, "extended", locally assigned. */
const NAA_PRIORITY: Readonly<Record<number, number>> = { 6: 8, 5: 5, 4: 4, 3: 1 }
const EUI_PRIORITY: Readonly<Record<number, number>> = { 16: 7, 12: 6, 8: 3 }

function textOf({ type, bytes }: Designator): string | null {
  switch (type) {
    case DESIGNATOR_TYPES.t10:
      return `t10.${escaped(bytes)}`
    case DESIGNATOR_TYPES.eui64:
      return `eui.${hex(bytes)}`
    case DESIGNATOR_TYPES.naa:
      return bytes.length === 8 || bytes.length === 16 ? `naa.${hex(bytes)}` : null
    default:
      return untilZero(bytes)
  }
}

/** A T10 id is cut to buffer - 4 bytes before it is escaped, a name string to buffer - 1, all to what the buffer holds. */
function cut({ type, bytes }: Designator, text: string, buffer: number): string {
  const whole = type === DESIGNATOR_TYPES.t10 ? `t10.${escaped(bytes.subarray(0, buffer - 4))}` : text
  return whole.slice(0, buffer - 1)
}

/** Name strings are padded with zeros. */
function untilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return latin1(end < 0 ? bytes : bytes.subarray(0, end))
}

const ESCAPES: Readonly<Record<number, string>> = {
  0x00: '\\0',
  0x07: '\\a',
  0x09: '\\t',
  0x0a: '\\n',
  0x0b: '\\v',
  0x0c: '\\f',
  0x0d: '\\r',
  0x1b: '\\e',
}

/** Printable ASCII as it is, the rest by a letter or in octal. */
function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    if (byte >= 0x20 && byte <= 0x7e) return String.fromCharCode(byte)
    return ESCAPES[byte] ?? `\\${byte.toString(8).padStart(3, '0')}`
  }).join('')
}

/** Where a path goes in: the group of its target port, and the port's own number where the page has one. */
export interface TargetPort {
  readonly group: number
  readonly port: number | null
}

/**
 * The target port group that page 0x83 names, whatever the designator's association. Throws VPD_NO_PAGE (ENXIO) for
 * null, VPD_NO_GROUP (EAGAIN) when it names none.
 */
export function targetPort(page: Uint8Array | null): TargetPort {
  if (page === null) throw noPage()
  checkArguments('targetPort', { page }, { page: 'bytes' })
  let group: number | null = null
  let port: number | null = null
  for (const { type, bytes } of parseDeviceIdentification(page)) {
    if (bytes.length < 4) continue
    if (type === DESIGNATOR_TYPES.portGroup) group = uint16At(bytes, 2)
    if (type === DESIGNATOR_TYPES.relativePort) port = uint16At(bytes, 2)
  }
  if (group !== null) return { group, port }
  throw new PathledgerError('VPD_NO_GROUP', {
    message: 'VPD page 0x83 names no target port group.',
    why: 'It has no designator of type 5.',
    todo: 'Without one there is no ALUA for this path; it can be used all the same.',
    errno: 'EAGAIN',
  })
}

function noPage(): PathledgerError {
  return new PathledgerError('VPD_NO_PAGE', {
    message: 'The device has no VPD page 0x83.',
    why: 'It refuses to tell it, or was not asked.',
    todo: 'It has no id then; use it as a plain device.',
    errno: 'ENXIO',
  })
}

function smallBuffer(buffer: number): PathledgerError {
  return new PathledgerError('VPD_BUFFER', {
    message: `An id does not go into ${shown(buffer)} bytes.`,
    why: `The shortest buffer for one has ${ID_BUFFER_MIN}.`,
    todo: `Use ${ID_BUFFER}.`,
    errno: 'EINVAL',
  })
}

function noId(): PathledgerError {
  return new PathledgerError('VPD_NO_ID', {
    message: 'VPD page 0x83 names no logical unit.',
    why: 'None of its designators is one of a logical unit that can be used, or the one that is has no characters.',
    todo: 'Use it as a plain device.',
    errno: 'EINVAL',
  })
}
