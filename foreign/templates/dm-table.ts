// A multipath table: `0 SECTORS multipath F features... H handler... GROUPS NEXT {selector ... PATHS ARGS {M:m args}}`.

export interface Table {
  readonly sectors: number | null
  readonly features: string
  readonly paths: readonly string[]
  readonly groups: number
}

/** Reads a table from the word 'multipath' on, or a whole one with its start and size. */
export function pathsOfTable(text: string): Table {
  const whole = /^0 (\d+) multipath (.*)$/.exec(text)
  const words = (whole?.[2] ?? text).trim().split(/\s+/)
  const features = Number(words[0] ?? 0)
  const handler = Number(words[1 + features] ?? 0)
  const groups = Number(words[2 + features + handler] ?? 0)
  return {
    sectors: whole === null ? null : Number(whole[1]),
    features: words.slice(1, 1 + features).join(' '),
    // Nothing else in a table looks like a device number.
    paths: words.slice(3 + features + handler).filter((word) => /^\d+:\d+$/.test(word)),
    groups,
  }
}
