(component (import "alcove:tool/session@9.0.0" (instance (export "root" (func)))))
