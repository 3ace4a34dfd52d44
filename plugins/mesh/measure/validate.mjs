// Prints the errors and warnings that Khronos' validator has for each file: `validate.mjs FILE…`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Beside the validator that was installed, not beside this file.
const { validateBytes } = createRequire(`${process.cwd()}/`)("gltf-validator");
for (const path of process.argv.slice(2)) {
    const { issues } = await validateBytes(new Uint8Array(readFileSync(path)));
    const told = issues.messages.filter(({ severity }) => severity < 2).slice(0, 3);
    console.log(issues.numErrors + issues.numWarnings, path, JSON.stringify(told));
}
