// One uevent as the kernel sends it: 'change@/devices/virtual/block/loop7', then 'KEY=value' for each property, each ended by
// a NUL. It comes from outside: what is not of this form is none.

/** Bytes of one message at most. The kernel's have a path of up to 4,096 and properties of up to 2,048. */
export const MESSAGE_BYTES_MAX = 8_192

/** Properties of one message at most; the kernel's bound is the same. */
export const PROPERTIES_MAX = 64

/** What the kernel says of a device. */
export interface Uevent {
  /** 'add', 'remove', 'change' ... */
  readonly action: string
  /** Under /sys: '/devices/virtual/block/loop7'. */
  readonly path: string
  /** 'block'. */
  readonly subsystem: string
}

/** A uevent from the bytes of one message, or null for what is none. Never throws. */
export function parseUevent(message: Uint8Array): Uevent | null {
  const properties = ueventProperties(message)
  if (properties === null) return null
  return {
    action: properties.get('ACTION') ?? '',
    path: properties.get('DEVPATH') ?? '',
    subsystem: properties.get('SUBSYSTEM') ?? '',
  }
}

/** All that a message says, by name, or null for what is no uevent of the kernel. Never throws. */
export function ueventProperties(message: Uint8Array): ReadonlyMap<string, string> | null {
  if (message.length === 0 || message.length > MESSAGE_BYTES_MAX || message.at(-1) !== 0) return null
  const text = Buffer.from(message.buffer, message.byteOffset, message.length - 1).toString('latin1')
  const [head = '', ...lines] = text.split('\0', PROPERTIES_MAX + 2)
  if (lines.length > PROPERTIES_MAX) return null
  const properties = new Map<string, string>()
  for (const line of lines) {
    const equals = line.indexOf('=')
    if (equals < 1 || !KEY.test(line.slice(0, equals))) return null
    properties.set(line.slice(0, equals), line.slice(equals + 1))
  }
  const action = properties.get('ACTION') ?? ''
  const path = properties.get('DEVPATH') ?? ''
  // The same is said twice; what differs was not said by the kernel.
  if (!ACTION.test(action) || !path.startsWith('/') || head !== `${action}@${path}`) return null
  return properties
}

const KEY = /^[A-Z][A-Z0-9_]*$/
const ACTION = /^[a-z]+$/
