// Two linters of Amazon States Language over the file named: the findings of one as JSON, an empty list when there are none.
// Usage: node linters.cjs asl-validator|asl-service <folder of node_modules> <file>
const fs = require('fs');
const path = require('path');

const [linter, modules, file] = process.argv.slice(2);
const load = (name) => require(path.resolve(modules, name));
const text = fs.readFileSync(file, 'utf8');

async function findings() {
  if (linter === 'asl-validator') {
    const result = load('asl-validator')(JSON.parse(text), { checkPaths: true, checkArn: true });
    return result.isValid ? [] : (result.errors || []).map((error) => `${error['Error code'] || error.code || ''} ${error.message || error.Message || JSON.stringify(error)}`);
  }
  const { getLanguageService } = load('amazon-states-language-service');
  const { TextDocument } = load('vscode-languageserver-textdocument');
  const document = TextDocument.create('file:///' + path.basename(file), 'asl', 1, text);
  const service = getLanguageService({});
  const found = await service.doValidation(document, service.parseJSONDocument(document));
  return found.map((one) => `line ${one.range.start.line + 1}: ${one.message}`);
}

findings().then((list) => console.log(JSON.stringify(list)), (error) => {
  console.error(error);
  process.exit(2);
});
