// `npm run explain:score`: how often does `explain` name what was injected? {"incidents":n,"exact":e,"layer":l,"false":f,"kinds":{...}}
import { parseArgs } from 'node:util'
import { KINDS, score } from './score.ts'

const USAGE = `npm run --silent explain:score                  all kinds, each so often; exit 1 where an aim is missed
npm run --silent explain:score -- --only adapter --misses    one kind, and what was wrong
--seed S     what is varied (default 1)      --rounds N   incidents of each kind (default 8)`

/** What is aimed at. */
const AIMS = { exact: 100, layer: 95, false: 0 }

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    misses: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else {
  const kinds = values.only === '' ? KINDS : KINDS.filter(({ name }) => values.only.split(',').includes(name))
  const result = await score(
    { seed: values.seed, rounds: Number(values.rounds), kinds },
    ({ kind, seed, what, explanation }) => {
      if (!values.misses) return
      console.error(`${kind} (${seed}): ${what}`)
      if (explanation === null) return
      const { subject, symptom, chain, also, advice, certainty, layer, root } = explanation
      const told = [
        subject,
        symptom,
        ...chain.map(({ position, says }) => `${position} ${says}`),
        ...also,
        layer,
        certainty,
        advice,
      ]
      console.error(`${told.map((line) => `    ${line}`).join('\n')}\n    ${JSON.stringify(root)}`)
    },
  )
  console.log(JSON.stringify(result))
  const reached = result.exact >= AIMS.exact && result.layer >= AIMS.layer && result.false <= AIMS.false
  if (!reached) process.exitCode = 1
}
