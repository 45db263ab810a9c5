// Two hosts in one file: the order in which lines arrived bounds how far their clocks are apart.
import type { History } from '../read.ts'
import type { SourceRead } from '../sources/read-source.ts'

const SECOND_US = 1_000_000

/** Seconds that each host's clock is ahead of the first host's; only where one file has lines of both. */
export function skews(history: History): Record<string, number> {
  const hosts = history.hosts.map(({ host }) => host)
  const [first] = hosts
  const found: Record<string, number> = {}
  for (const other of hosts.slice(1)) {
    for (const source of history.sources) {
      const skew = first === undefined ? null : between(source, first, other, history)
      if (skew !== null) found[other] = skew
    }
  }
  return found
}

/** A line cannot arrive before it was written: each change from one host to the other bounds the distance from one side. */
function between(source: SourceRead, one: string, other: string, history: History): number | null {
  const resolve = source.clock.resolver({ zone: history.settings.zone, nowUs: history.settings.nowUs })
  let [low, high] = [-Infinity, Infinity]
  let last: { host: string; us: number } | null = null
  for (const { host, tick } of source.handovers) {
    const at = resolve(tick)
    if (at === null || (host !== one && host !== other)) continue
    if (last !== null && last.host !== host) {
      if (host === other) high = Math.min(high, at - last.us)
      else low = Math.max(low, last.us - at)
    }
    last = { host, us: at }
  }
  if (low === -Infinity || high === Infinity) return null
  return Math.round((low + high) / 2 / SECOND_US)
}
