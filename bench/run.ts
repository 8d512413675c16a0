import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBench } from './bench.js';
import { formatReport } from './instrument/table.js';
import { help, OptionsError, readOptions } from './options.js';
import { resultsFolder } from './take-profile.js';

/** `npm run bench`: see README.md beside this file. */
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    const options = readOptions(words);
    if (!options) {
      console.log(help);
      return 0;
    }
    const report = await runBench(options, (line) => console.error(`  ${line}`));
    mkdirSync(resultsFolder, { recursive: true });
    const file = join(resultsFolder, 'latest.json');
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`\n${formatReport(report)}\n\nSaved as ${relative('', file)}.`);
    return report.failures.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`bench: ${error.message}${error instanceof OptionsError ? `\n\n${help}` : ''}`);
    return error instanceof OptionsError ? 2 : 1;
  }
}
