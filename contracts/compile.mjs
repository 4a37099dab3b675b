// Compiles src/**/*.sol into artifacts/<Name>.json.
//
//   node compile.mjs                     compile everything, drop artifacts without a source
//   node compile.mjs src/L1/Foo.sol ...  compile only these files
//   node compile.mjs --check             compile everything, write nothing, fail when an artifact differs
//   node compile.mjs --out DIR           write to DIR instead of artifacts/
//
// Every file is its own compilation unit (the file and what it imports), so that an artifact depends on nothing else
// in the tree.

import { existsSync, mkdirSync, readFileSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const ROOT = dirname(fileURLToPath(import.meta.url));
const EXPECTED_COMPILER = "0.8.37";

// Contracts close to the 24,576-byte limit of EIP-170 are optimised for size.
const OPTIMIZER_RUNS = { default: 999_999, "src/dispute/FaultDisputeGame.sol": 200, "src/L1/OptimismPortal2.sol": 200 };

function solidityFiles(directory) {
  return readdirSync(join(ROOT, directory), { withFileTypes: true })
    .flatMap((entry) => {
      const path = posix.join(directory, entry.name);
      if (entry.isDirectory()) return solidityFiles(path);
      return entry.name.endsWith(".sol") ? [path] : [];
    })
    .sort();
}

/** The file and everything it imports, as `{ path: { content } }`; imports are relative to the importing file. */
function closure(entry) {
  const sources = {};
  const pending = [entry];
  while (pending.length > 0) {
    const path = pending.pop();
    if (path in sources) continue;
    const file = join(ROOT, path);
    if (!existsSync(file)) throw new Error(`${path} is imported (from ${entry} or its imports) but does not exist`);
    const content = readFileSync(file, "utf8");
    sources[path] = { content };
    for (const match of content.matchAll(/^\s*import\s[^;]*?["']([^"']+)["']\s*;/gms)) {
      const target = match[1].startsWith(".") ? posix.join(posix.dirname(path), match[1]) : match[1];
      pending.push(target);
    }
  }
  return Object.fromEntries(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** AST number -> variable name, for everything declared in the compiled sources. */
function variableNames(node, names = new Map()) {
  if (Array.isArray(node)) {
    for (const item of node) variableNames(item, names);
  } else if (node !== null && typeof node === "object") {
    if (node.nodeType === "VariableDeclaration") names.set(String(node.id), node.name);
    for (const value of Object.values(node)) variableNames(value, names);
  }
  return names;
}

/** The layout without AST numbers, which change with every comment above them. */
function withoutAstNumbers(layout) {
  const named = /(t_(?:contract|struct|enum|userDefinedValueType)\([^()]*\))\d+/g;
  const text = JSON.stringify(layout, (key, value) => (key === "astId" ? undefined : value));
  return JSON.parse(text.replaceAll(named, "$1"));
}

function compile(entry) {
  const input = {
    language: "Solidity",
    sources: closure(entry),
    settings: {
      evmVersion: "prague",
      optimizer: { enabled: true, runs: OPTIMIZER_RUNS[entry] ?? OPTIMIZER_RUNS.default },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: {
        [entry]: {
          "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences",
            "storageLayout"],
        },
        "*": { "": ["ast"] },
      },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const messages = output.errors ?? [];
  for (const message of messages) console.error(message.formattedMessage);
  if (messages.some((message) => message.severity === "error")) return null;

  const name = basename(entry, ".sol");
  const contract = output.contracts?.[entry]?.[name];
  if (contract === undefined || contract.evm.bytecode.object === "") return undefined; // interface, abstract or types only
  const declaration = output.sources[entry].ast.nodes.find((node) => node.nodeType === "ContractDefinition" && node.name === name);
  if (declaration.contractKind === "library") return undefined; // all our libraries are inlined

  const names = new Map();
  for (const source of Object.values(output.sources)) variableNames(source.ast, names);
  const immutables = Object.entries(contract.evm.deployedBytecode.immutableReferences ?? {})
    .map(([id, places]) => [names.get(id), places])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    contractName: name,
    sourceName: entry,
    abi: contract.abi,
    bytecode: "0x" + contract.evm.bytecode.object,
    deployedBytecode: "0x" + contract.evm.deployedBytecode.object,
    immutableReferences: Object.fromEntries(immutables),
    storageLayout: withoutAstNumbers(contract.storageLayout),
  };
}

function main(args) {
  if (!solc.version().startsWith(EXPECTED_COMPILER + "+")) {
    throw new Error(`solc ${EXPECTED_COMPILER} is needed, found ${solc.version()}; run npm ci in contracts/`);
  }
  const check = args.includes("--check");
  const outIndex = args.indexOf("--out");
  const outDirectory = outIndex >= 0 ? args[outIndex + 1] : join(ROOT, "artifacts");
  const named = args
    .filter((arg, index) => !arg.startsWith("--") && (outIndex < 0 || index !== outIndex + 1))
    .map((arg) => (existsSync(join(ROOT, arg)) ? join(ROOT, arg) : join(process.cwd(), arg)))
    .map((arg) => relative(ROOT, arg).split(sep).join("/"));
  const entries = named.length > 0 ? named : solidityFiles("src");

  mkdirSync(outDirectory, { recursive: true });
  const produced = new Map();
  let failures = 0;
  for (const entry of entries) {
    const artifact = compile(entry);
    if (artifact === null) {
      failures += 1;
      continue;
    }
    if (artifact === undefined) continue;
    const file = artifact.contractName + ".json";
    if (produced.has(file)) throw new Error(`${entry} and ${produced.get(file)} both define ${artifact.contractName}`);
    produced.set(file, entry);
    const text = JSON.stringify(artifact, null, 1) + "\n";
    const path = join(outDirectory, file);
    const size = (artifact.deployedBytecode.length - 2) / 2;
    const same = existsSync(path) && readFileSync(path, "utf8") === text;
    if (check && !same) {
      console.error(`${file} differs from what ${entry} compiles to; run npm run build in contracts/`);
      failures += 1;
    } else if (!check && !same) {
      writeFileSync(path, text);
      console.log(`${artifact.contractName} ${size} bytes`);
    }
  }
  if (named.length === 0 && failures === 0) {
    for (const file of readdirSync(outDirectory).filter((name) => name.endsWith(".json") && !produced.has(name))) {
      if (check) {
        console.error(`${file} has no source`);
        failures += 1;
      } else {
        unlinkSync(join(outDirectory, file));
      }
    }
  }
  return failures === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
