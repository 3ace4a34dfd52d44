//! A GGUF file, mapped into memory: its metadata and its tensors.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor, bail};
use memmap2::Mmap;

use crate::error::LoadError;
use crate::limits::MAX_TENSORS;
use crate::ops::{Compute, Linear};

/// The alignment that tensor data has in a file, at least; the largest of any element type.
const MIN_ALIGNMENT: usize = 4;

/// An open model file.
pub(crate) struct GgufFile {
    path: PathBuf,
    map: Mmap,
    content: Content,
}

/// One tensor's bytes in the file.
pub(crate) struct TensorView<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) dtype: GgmlDType,
    dims: Vec<usize>,
}

impl TensorView<'_> {
    /// Rows and values of a row.
    pub(crate) fn dims2(&self) -> candle_core::Result<(usize, usize)> {
        match self.dims[..] {
            [n, k] => Ok((n, k)),
            _ => bail!("a matrix was expected, not {:?}", self.dims),
        }
    }
}

impl GgufFile {
    /// Maps a file and reads its header. Every tensor is checked to lie inside the file.
    pub(crate) fn open(path: &Path) -> Result<GgufFile, LoadError> {
        let io = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => LoadError::NotFound { path: path.into() },
            _ => LoadError::Io {
                path: path.into(),
                source,
            },
        };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            let source = std::io::Error::other("it is not a regular file");
            return Err(LoadError::Io {
                path: path.into(),
                source,
            });
        }
        if metadata.len() < 4 {
            return Err(LoadError::NotGguf { path: path.into() });
        }
        #[expect(
            unsafe_code,
            reason = "a file can only be mapped so; it is opened for reading"
        )]
        // SAFETY: model files are replaced by renaming, never written in place, so the bytes stay.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        if &map[..4] != b"GGUF" {
            return Err(LoadError::NotGguf { path: path.into() });
        }
        let content = Content::read(&mut Cursor::new(&map[..])).map_err(|error| {
            let detail = first_line(&error);
            if detail.contains("unknown dtype") {
                let feature = format!("a tensor type that is not known here ({detail})");
                return LoadError::UnsupportedFeature {
                    path: path.into(),
                    feature,
                };
            }
            LoadError::Damaged {
                path: path.into(),
                detail,
            }
        })?;
        let file = GgufFile {
            path: path.into(),
            map,
            content,
        };
        if file.content.tensor_infos.len() > MAX_TENSORS {
            return Err(file.damaged("it declares too many tensors"));
        }
        for name in file.content.tensor_infos.keys() {
            file.view(name)?;
        }
        Ok(file)
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// All weights.
    pub(crate) fn parameters(&self) -> u64 {
        let infos = self.content.tensor_infos.values();
        infos.map(|info| info.shape.elem_count() as u64).sum()
    }

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        self.path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// An error of this file.
    pub(crate) fn damaged(&self, detail: impl Into<String>) -> LoadError {
        LoadError::Damaged {
            path: self.path.clone(),
            detail: detail.into(),
        }
    }

    /// An error of this file: something that the runtime does not have.
    pub(crate) fn unsupported(&self, feature: impl Into<String>) -> LoadError {
        LoadError::UnsupportedFeature {
            path: self.path.clone(),
            feature: feature.into(),
        }
    }

    /// An error of this file: an architecture that the runtime does not have.
    pub(crate) fn unsupported_architecture(&self, architecture: &str) -> LoadError {
        LoadError::UnsupportedArchitecture {
            path: self.path.clone(),
            architecture: architecture.into(),
        }
    }

    /// A metadata value, if it is there.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.content.metadata.get(key)
    }

    /// A string, if it is there.
    pub(crate) fn string(&self, key: &str) -> Option<&str> {
        self.value(key)?.to_string().ok().map(String::as_str)
    }

    /// A non-negative integer, if it is there.
    pub(crate) fn integer(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            Value::I8(v) => u64::try_from(*v).ok(),
            Value::I16(v) => u64::try_from(*v).ok(),
            Value::I32(v) => u64::try_from(*v).ok(),
            Value::I64(v) => u64::try_from(*v).ok(),
            value => value.to_u64().ok(),
        }
    }

    /// A float, if it is there.
    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::F32(v) => Some(f64::from(*v)),
            Value::F64(v) => Some(*v),
            _ => None,
        }
    }

    /// An integer that must be there and in a range.
    pub(crate) fn size(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<usize, LoadError> {
        let value = self
            .integer(key)
            .and_then(|value| usize::try_from(value).ok());
        let value = value.ok_or_else(|| self.damaged(format!("`{key}` is missing")))?;
        if !range.contains(&value) {
            return Err(self.damaged(format!("`{key}` is {value}")));
        }
        Ok(value)
    }

    /// Strings that must be there.
    pub(crate) fn strings(&self, key: &str) -> Result<Vec<&str>, LoadError> {
        let values = self.value(key).and_then(|value| value.to_vec().ok());
        let values = values.ok_or_else(|| self.damaged(format!("`{key}` is missing")))?;
        let strings = values
            .iter()
            .map(|value| value.to_string().map(String::as_str));
        let strings: Result<_, _> = strings.collect();
        strings.map_err(|_| self.damaged(format!("`{key}` is not a list of strings")))
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// A tensor's bytes.
    pub(crate) fn view(&self, name: &str) -> Result<TensorView<'_>, LoadError> {
        let info = self.content.tensor_infos.get(name);
        let info = info.ok_or_else(|| self.damaged(format!("the tensor `{name}` is missing")))?;
        let (block, values) = (info.ggml_dtype.block_size(), info.shape.elem_count());
        let dims = info.shape.dims().to_vec();
        if !dims.last().is_some_and(|k| k.is_multiple_of(block)) {
            return Err(self.damaged(format!(
                "the tensor `{name}` has a shape that its type cannot have"
            )));
        }
        let len = values / block * info.ggml_dtype.type_size();
        let start = self.content.tensor_data_offset.checked_add(info.offset);
        let start = start.and_then(|start| usize::try_from(start).ok());
        let range = start.and_then(|start| Some(start..start.checked_add(len)?));
        let bytes = range.and_then(|range| self.map.get(range));
        let bytes = bytes.ok_or_else(|| {
            self.damaged(format!("the tensor `{name}` lies past the end of the file"))
        })?;
        if !(bytes.as_ptr() as usize).is_multiple_of(MIN_ALIGNMENT) {
            return Err(self.damaged(format!("the tensor `{name}` is not aligned")));
        }
        Ok(TensorView {
            bytes,
            dtype: info.ggml_dtype,
            dims,
        })
    }

    /// A matrix product with the weights `name.weight` and, if there is one, the bias `name.bias`.
    pub(crate) fn linear(
        &self,
        cx: &Compute,
        name: &str,
        n: usize,
        k: usize,
    ) -> Result<Linear, LoadError> {
        let view = self.view(&format!("{name}.weight"))?;
        if view.dims != [n, k] {
            return Err(self.damaged(format!(
                "`{name}.weight` has the shape {:?}, not {n} by {k}",
                view.dims
            )));
        }
        let bias = format!("{name}.bias");
        let bias = if self.has(&bias) {
            Some(self.vector(cx, &bias, n)?)
        } else {
            None
        };
        Linear::new(cx, &view, bias).map_err(|error| LoadError::Device(first_line(&error)))
    }

    /// A vector of 32-bit floats.
    pub(crate) fn vector(&self, cx: &Compute, name: &str, n: usize) -> Result<Tensor, LoadError> {
        let view = self.view(name)?;
        if view.dims != [n] {
            return Err(self.damaged(format!("`{name}` has the shape {:?}, not {n}", view.dims)));
        }
        let vector =
            dequantize(&view, n).and_then(|values| Tensor::from_vec(values, n, &cx.device));
        vector.map_err(|error| LoadError::Device(first_line(&error)))
    }

    /// Lets the system take back the memory of what was read so far; it is read again when needed.
    pub(crate) fn release_pages(&self) {
        #[cfg(unix)]
        self.drop_pages();
    }

    #[cfg(unix)]
    fn drop_pages(&self) {
        #[expect(
            unsafe_code,
            reason = "dropping pages of a shared read-only mapping keeps their content in the file"
        )]
        // SAFETY: see the reason.
        let advised = unsafe {
            self.map
                .unchecked_advise(memmap2::UncheckedAdvice::DontNeed)
        };
        if let Err(error) = advised {
            tracing::debug!(%error, "the model file's pages stay in memory");
        }
    }
}

/// The values of a run of whole blocks.
pub(crate) fn dequantize(view: &TensorView<'_>, values: usize) -> candle_core::Result<Vec<f32>> {
    let storage = QStorage::from_data(view.bytes.into(), &Device::Cpu, view.dtype)?;
    let tensor = QTensor::new(storage, values)?.dequantize(&Device::Cpu)?;
    tensor.to_vec1::<f32>()
}

/// The token embedding: rows are looked up in the file, as they are needed.
pub(crate) struct Embedding {
    file: std::sync::Arc<GgufFile>,
    name: &'static str,
    width: usize,
}

impl Embedding {
    /// The embedding `name` with `n` rows of `width` values.
    pub(crate) fn new(
        file: std::sync::Arc<GgufFile>,
        name: &'static str,
        n: usize,
        width: usize,
    ) -> Result<Embedding, LoadError> {
        let view = file.view(name)?;
        if view.dims != [n, width] {
            return Err(file.damaged(format!(
                "`{name}` has the shape {:?}, not {n} by {width}",
                view.dims
            )));
        }
        Ok(Embedding { file, name, width })
    }

    /// The rows of these tokens: `[t, width]`.
    pub(crate) fn rows(&self, cx: &Compute, ids: &[u32]) -> candle_core::Result<Tensor> {
        let view = self
            .file
            .view(self.name)
            .map_err(candle_core::Error::wrap)?;
        let row_bytes = self.width / view.dtype.block_size() * view.dtype.type_size();
        let mut bytes = Vec::with_capacity(ids.len() * row_bytes);
        for &id in ids {
            let start = id as usize * row_bytes;
            match view.bytes.get(start..start + row_bytes) {
                Some(row) => bytes.extend_from_slice(row),
                None => bail!("there is no token {id}"),
            }
        }
        let rows = TensorView {
            bytes: &bytes,
            dtype: view.dtype,
            dims: Vec::new(),
        };
        let values = dequantize(&rows, ids.len() * self.width)?;
        Tensor::from_vec(values, (ids.len(), self.width), &cx.device)
    }
}

/// An error's message without the backtrace that candle may append.
pub(crate) fn first_line(error: &dyn std::fmt::Display) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
