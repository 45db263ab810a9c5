// Sysfs as it is read: text, names, links. A file there is answered by the kernel, and no device is asked.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

/** Reads below a root; what is not there, or cannot be read, is null or empty. */
export function sysfsReader(root = '/sys'): {
  text: (path: string) => string | null
  names: (path: string) => readonly string[]
  target: (path: string) => string | null
} {
  const orNull = <Value>(read: () => Value): Value | null => {
    try {
      return read()
    } catch {
      return null
    }
  }
  return {
    text: (path) => orNull(() => readFileSync(`${root}/${path}`, 'latin1').trimEnd()),
    names: (path) => orNull(() => readdirSync(`${root}/${path}`).sort()) ?? [],
    target: (path) => orNull(() => readlinkSync(`${root}/${path}`)),
  }
}

/** 'major:minor' of the device that a file's filesystem is on; null where the file cannot be looked at. */
export function deviceUnder(path: string): string | null {
  try {
    const { dev } = statSync(path, { bigint: true })
    const number = Number(dev)
    const major = ((number >> 8) & 0xfff) | Number((dev >> 32n) & ~0xfffn)
    return `${major}:${(number & 0xff) | ((number >> 12) & 0xfff00)}`
  } catch {
    return null
  }
}
