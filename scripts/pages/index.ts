// The pages of docs/ that are made from the code.
import type { Generated } from '../generated.ts'
import { errorsPage } from './errors-page.ts'
import { eventsPage } from './events-page.ts'
import { mutationPage } from './mutation-page.ts'
import { replayPage } from './replay-page.ts'
import { settingsPage } from './settings-page.ts'
import { simulatorPage } from './simulator-page.ts'

/** Each page by its file. */
export const PAGES: Readonly<Record<string, () => Promise<string>>> = {
  'docs/events.md': eventsPage,
  'docs/settings.md': settingsPage,
  'docs/errors.md': errorsPage,
  'docs/mutation.md': mutationPage,
  'docs/replay.md': replayPage,
  'docs/simulator.md': simulatorPage,
}

/** Every page with its text. */
export async function pages(): Promise<Generated> {
  const texts = Object.entries(PAGES).map(async ([file, make]) => [file, await make()] as const)
  return Object.fromEntries(await Promise.all(texts))
}
