(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (drop (call $text (local.get $at) (local.get $length)))
  (i32.store8 (i32.const 2068) (i32.const 9))
  (i32.const 1024))
