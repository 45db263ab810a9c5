// Case folders and what is asked of them: which files a reader may see, and with which words ingest is called.
import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { LOG_FILES } from '../../adapters/sources/files.ts'
import { printedHistory } from '../../foreign/answers/index.ts'
import { readHistory, type ReadSettings } from '../../foreign/read.ts'

/** What stands beside a case and is not for its reader: what was to be found, what was truly done, how it was made. */
const NOT_FOR_READERS =
  /(?:^|\/)(?:expected\.json|truth\.jsonl|io\.jsonl|script\.py|TRIMMED\.txt|array-side-truth\.txt|case\.json|invocation\.json)$/

interface Invocation {
  readonly zone?: string
  readonly now?: string
  readonly folder?: string
}

/** How ingest is called for a case: as its invocation says, and nothing else of that file. */
export function invocationOf(folder: string): Invocation {
  for (const name of ['invocation.json', 'case.json', 'expected.json']) {
    try {
      const about = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        invocation?: Invocation
      } & Invocation
      return about.invocation ?? about
    } catch {
      // Not there: the next.
    }
  }
  return {}
}

/** The case folders that are meant: a folder of numbered case folders stands for all that are in it. */
export function caseFolders(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    const inside = readdirSync(folder, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && /^\d+-/.test(entry.name),
    )
    const isCase = readdirSync(folder).some((name) => NOT_FOR_READERS.test(name))
    return isCase || inside.length === 0 ? [folder] : inside.map(({ name }) => join(folder, name)).sort()
  })
}

/** One case read and answered, as a line of `ingest:facts`. */
export async function factsOfCase(folder: string): Promise<Record<string, unknown>> {
  const { zone, now } = invocationOf(folder)
  const settings: ReadSettings = {
    ...(zone === undefined ? {} : { zone }),
    ...(now === undefined ? {} : { nowUs: Date.parse(now) * 1000 }),
    leaveOut: (name) => NOT_FOR_READERS.test(name),
  }
  const files = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
  const history = await readHistory(LOG_FILES, files, settings)
  return { case: basename(folder.replace(/\/+$/, '')), ...printedHistory(history) }
}
