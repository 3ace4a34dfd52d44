(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $h (export "invoke" (func $f)))
  (export "alcove:tool/handler@0.1.0" (instance $h)))
