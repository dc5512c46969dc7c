//! One pipeline file: its envelope, its parameters, its steps as written, and the files it imports.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use trainyard_core::Problem;

use crate::{
    envelope::{FILE_KEYS, Limits, limits},
    fields,
    files::{Files, Span},
    findings::{Findings, shown},
    interpolate::{Interpolation, Scope},
    node::{Entry, Node, Value},
    params, yaml,
};

/// Most files one pipeline may import, each counted as often as it is imported.
const MOST_IMPORTS: usize = 256;
/// Longest chain of imports.
const DEEPEST: usize = 16;

/// A step as written.
#[derive(Debug)]
pub(crate) struct WrittenStep {
    /// Its name.
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) span: Span,
    /// All the rest.
    pub(crate) node: Node,
}

/// A pipeline file as one pipeline sees it.
#[derive(Debug)]
pub(crate) struct Module {
    /// The folder its paths are relative to.
    pub(crate) folder: PathBuf,
    /// What its steps' names start with: nothing, or `plant.`.
    pub(crate) prefix: String,
    /// The whole file.
    pub(crate) root: Node,
    /// Its parameters.
    pub(crate) scope: Scope,
    /// Alias → index of the module; `None` when it could not be read.
    pub(crate) imports: BTreeMap<String, Option<usize>>,
    /// Its steps.
    pub(crate) steps: Vec<WrittenStep>,
    /// Their indices.
    pub(crate) by_name: HashMap<String, usize>,
    /// What holds for each of its steps that says nothing else.
    pub(crate) limits: Limits,
}

/// What replaces the defaults of a file's parameters.
pub(crate) enum Overrides<'a> {
    /// `--set`.
    Set(&'a BTreeMap<String, String>),
    /// `params:` under an import of that alias.
    Import(&'a [Entry], &'a str),
}

/// Reads a pipeline file and everything it imports.
pub(crate) struct Loader<'a> {
    /// The texts.
    pub(crate) files: Files,
    /// Where problems go.
    pub(crate) findings: Findings,
    /// How many more nodes may be made.
    pub(crate) left: usize,
    /// The modules, imported ones before those that import them.
    pub(crate) modules: Vec<Module>,
    /// Reads an imported file.
    pub(crate) read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The files being read, outermost first: as shown, and as compared.
    pub(crate) open: Vec<(PathBuf, PathBuf)>,
    /// How many imports there were.
    pub(crate) imports: usize,
}

impl Loader<'_> {
    /// Reads one file; `None` when it is not YAML or no map.
    pub(crate) fn load(
        &mut self,
        path: &Path,
        text: String,
        prefix: String,
        overrides: &Overrides<'_>,
    ) -> Option<usize> {
        let file = self.files.add(path.display().to_string(), text);
        let root = yaml::parse(&self.files, file, &mut self.findings)?;
        if !matches!(root.value, Value::Map(_) | Value::Null) {
            fields::wrong_type(&root, "a pipeline file", "a map of keys and values", &mut self.findings);
            return None;
        }
        fields::keys(&root, "a pipeline file", &FILE_KEYS, &mut self.findings);
        let mut params = params::read(&self.files, root.get("params"), &mut self.left, &mut self.findings);
        let overrides = match overrides {
            Overrides::Set(set) => {
                let nowhere = root.entry("params").map_or(Span { file, start: 0, end: 0 }, |entry| entry.key_span);
                params::of_set(&self.files, set, &params, nowhere, &mut self.left, &mut self.findings)
            }
            Overrides::Import(entries, alias) => params::of_import(entries, alias),
        };
        params::apply(&mut params, overrides, &mut self.findings);
        let scope = Scope { params: Some(Rc::new(params)), each: BTreeMap::new() };

        let mut module = Module {
            folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            prefix,
            limits: Limits::default(),
            imports: BTreeMap::new(),
            steps: Vec::new(),
            by_name: HashMap::new(),
            scope,
            root,
        };
        self.steps(&mut module, file);
        let settings = self.interpolated(&module, &["timeout", "retry", "resources", "coupling"]);
        module.limits = limits(&settings, &mut self.findings);
        self.open.push((path.to_path_buf(), plain(path)));
        self.import(&mut module);
        self.open.pop();
        self.modules.push(module);
        Some(self.modules.len() - 1)
    }

    /// Those entries of a module's file, interpolated, as one map.
    pub(crate) fn interpolated(&mut self, module: &Module, keys: &[&str]) -> Node {
        let entries = module.root.entries().iter().filter(|entry| keys.contains(&entry.key.as_str()));
        let picked = Node { value: Value::Map(entries.cloned().collect()), span: module.root.span };
        Interpolation {
            files: &self.files,
            scope: &module.scope,
            secrets_allowed: false,
            left: &mut self.left,
            findings: &mut self.findings,
            secrets: Vec::new(),
        }
        .node(&picked)
    }

    fn steps(&mut self, module: &mut Module, file: u32) {
        let Some(entry) = module.root.entry("steps").filter(|entry| !entry.value.is_null()) else {
            let span = module.root.entry("steps").map_or(Span { file, start: 0, end: 0 }, |entry| entry.key_span);
            let help = "for example `steps: {readings: {uses: acquire/file, with: {path: data.csv}}}`";
            self.findings.at(span, Problem::error("missing-key", "the pipeline has no `steps`").help(help));
            return;
        };
        if let Value::Map(entries) = &entry.value.value
            && entries.is_empty()
        {
            self.findings.at(entry.key_span, Problem::error("missing-key", "the pipeline has no `steps`"));
        }
        for step in fields::map(&entry.value, "`steps`", &mut self.findings).unwrap_or(&[]) {
            fields::name(step, "the step name", &mut self.findings);
            module.by_name.insert(step.key.clone(), module.steps.len());
            module.steps.push(WrittenStep { name: step.key.clone(), span: step.key_span, node: step.value.clone() });
        }
    }

    fn import(&mut self, module: &mut Module) {
        let settings = self.interpolated(module, &["import"]);
        let Some(import) = settings.get("import") else { return };
        for entry in fields::map(import, "`import`", &mut self.findings).unwrap_or(&[]) {
            let alias = &entry.key;
            if !fields::name(entry, "the import", &mut self.findings) {
                continue;
            }
            module.imports.insert(alias.clone(), None);
            if module.by_name.contains_key(alias) {
                let message = format!("`{alias}` is both an import and a step");
                let help = "give one of them another name";
                self.findings.at(entry.key_span, Problem::error("duplicate-key", message).help(help));
                continue;
            }
            let (path, params) = match &entry.value.value {
                Value::Map(_) => {
                    if !fields::keys(&entry.value, "an import", &["path", "params"], &mut self.findings) {
                        continue;
                    }
                    let Some(path) = entry.value.get("path") else {
                        let message = format!("import `{alias}` needs `path`: the pipeline file");
                        self.findings.at(entry.key_span, Problem::error("missing-key", message));
                        continue;
                    };
                    let params = entry.value.get("params");
                    (path, params.and_then(|node| fields::map(node, "`params`", &mut self.findings)).unwrap_or(&[]))
                }
                _ => (&entry.value, &[][..]),
            };
            let Some(written) = fields::text(path, "the path of an import", &mut self.findings) else { continue };
            let Some((file, text)) = self.imported_text(module, written, path.span) else { continue };
            let prefix = format!("{}{alias}.", module.prefix);
            let loaded = self.load(&file, text, prefix, &Overrides::Import(params, alias));
            module.imports.insert(alias.clone(), loaded);
        }
    }

    fn imported_text(&mut self, module: &Module, written: &str, at: Span) -> Option<(PathBuf, String)> {
        let file = module.folder.join(written);
        let plain_file = plain(&file);
        self.imports += 1;
        let problem = if let Some(start) = self.open.iter().position(|(_, open)| *open == plain_file) {
            let chain: Vec<String> = self.open[start..]
                .iter()
                .map(|(shown, _)| shown)
                .chain([&file])
                .map(|path| format!("`{}`", shown(&path.display().to_string())))
                .collect();
            Problem::error("import-cycle", format!("the file imports itself: {}", chain.join(" → ")))
        } else if self.imports > MOST_IMPORTS || self.open.len() > DEEPEST {
            let message = format!("more than {MOST_IMPORTS} imports, or more than {DEEPEST} one inside the other");
            Problem::error("too-large", message)
        } else {
            match (self.read)(&file) {
                Ok(text) => return Some((file, text)),
                Err(error) => {
                    let why = match error.kind() {
                        io::ErrorKind::NotFound => "there is no such file".to_owned(),
                        _ => error.to_string(),
                    };
                    let path = shown(&file.display().to_string());
                    let help = "the path is relative to the file that imports";
                    Problem::error("import-not-found", format!("cannot import `{path}`: {why}")).help(help)
                }
            }
        };
        self.findings.at(at, problem);
        None
    }
}

/// The path without `.` and, where it can be told from the path alone, without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_compare() {
        assert_eq!(plain(Path::new("./a/../b/c.yaml")), Path::new("b/c.yaml"));
        assert_eq!(plain(Path::new("../a/./b")), Path::new("../a/b"));
        assert_eq!(plain(Path::new("a/../../b")), Path::new("../b"));
    }
}
