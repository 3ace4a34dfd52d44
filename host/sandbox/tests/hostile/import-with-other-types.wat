(component
  (import "alcove:tool/session@0.1.0" (instance (export "remaining-ms" (func (param "x" string) (result string))))))
