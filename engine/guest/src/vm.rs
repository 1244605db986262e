//! The module in an interpreter: deterministic, with every instruction counted.

use std::path::Path;

use wasmi::{Config, Engine, Extern, Func, Instance, Memory, Module, Store, Val};

use crate::answer::Answer;
use crate::transcript::Transcript;

/// Why the module gave no answer: it trapped, refused its input, or is not the module.
#[derive(Debug)]
pub struct VmError(String);

impl core::fmt::Display for VmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for VmError {}

impl From<wasmi::Error> for VmError {
    fn from(error: wasmi::Error) -> Self {
        Self(error.to_string())
    }
}

/// One instance of the module.
pub struct Vm {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Vm {
    /// Starts the module that `make engine-wasm` built.
    ///
    /// # Errors
    /// Where the file is not that module.
    pub fn new(module: &Path) -> Result<Self, VmError> {
        let bytes = std::fs::read(module).map_err(|error| VmError(format!("{}: {error}", module.display())))?;
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, bytes)?;
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX)?;
        // The standard library imports what a panic would need to print. The engine asks its host for nothing.
        let imports: Vec<Extern> = module
            .imports()
            .map(|import| {
                let name = import.name().to_owned();
                let kind = import.ty().func().cloned().ok_or_else(|| VmError(format!("{name} is no function")))?;
                let refuse = move |_: wasmi::Caller<'_, ()>, _: &[Val], _: &mut [Val]| {
                    Err(wasmi::Error::new(format!("the module called {name}")))
                };
                Ok(Func::new(&mut store, kind, refuse).into())
            })
            .collect::<Result<_, VmError>>()?;
        let instance = Instance::new(&mut store, &module, &imports)?;
        let memory = instance.get_memory(&store, "memory").ok_or_else(|| VmError("no memory".to_owned()))?;
        let mut vm = Self { store, instance, memory };
        if vm.instance.get_func(&vm.store, "_initialize").is_some() {
            vm.call::<(), ()>("_initialize", ())?;
        }
        Ok(vm)
    }

    /// Opens a policy set, in place of the one before.
    ///
    /// # Errors
    /// Where the module refuses it or traps.
    pub fn open(&mut self, policies: &[u8]) -> Result<(), VmError> {
        self.write(policies)?;
        match self.call("open", ())? {
            1_u32 => Ok(()),
            _ => Err(VmError("the module does not open the policies".to_owned())),
        }
    }

    /// Answers the requests of a transcript, in order.
    ///
    /// # Errors
    /// Where the module refuses the transcript or traps.
    pub fn answer(&mut self, transcript: &Transcript) -> Result<Vec<Answer>, VmError> {
        self.write(transcript.bytes())?;
        match self.call("answer", ())? {
            1_u32 => self.read().and_then(|bytes| {
                Answer::read_all(&bytes).ok_or_else(|| VmError("the answers are unreadable".to_owned()))
            }),
            _ => Err(VmError("the module refuses the transcript".to_owned())),
        }
    }

    /// Instructions of deciding the requests of a transcript once more, after they were decided before: what a warm
    /// worker spends. `export` is one of the module's measuring functions.
    ///
    /// # Errors
    /// Where the module refuses the transcript or traps.
    pub fn instructions(&mut self, export: &str, transcript: &Transcript) -> Result<u64, VmError> {
        self.write(transcript.bytes())?;
        let mut spent = |passes: u32| {
            let before = self.store.get_fuel()?;
            match self.call(export, passes)? {
                ..0_i64 => Err(VmError(format!("{export} fails"))),
                _ => Ok(before - self.store.get_fuel()?),
            }
        };
        Ok(spent(3)? - spent(2)?)
    }

    fn call<P: wasmi::WasmParams, R: wasmi::WasmResults>(&mut self, export: &str, parameters: P) -> Result<R, VmError> {
        let function = self.instance.get_typed_func::<P, R>(&self.store, export)?;
        Ok(function.call(&mut self.store, parameters)?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), VmError> {
        let length = u32::try_from(bytes.len()).map_err(|error| VmError(error.to_string()))?;
        let address: u32 = self.call("input", length)?;
        self.memory.write(&mut self.store, address as usize, bytes).map_err(|error| VmError(error.to_string()))
    }

    fn read(&mut self) -> Result<Vec<u8>, VmError> {
        let (address, length): (u32, u32) = (self.call("output", ())?, self.call("output_length", ())?);
        let mut bytes = vec![0; length as usize];
        self.memory.read(&self.store, address as usize, &mut bytes).map_err(|error| VmError(error.to_string()))?;
        Ok(bytes)
    }
}
