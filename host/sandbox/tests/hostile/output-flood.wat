(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (memory.fill (i32.const 40000) (i32.const 65) (i32.const 20000))
  (call $text (i32.const 40000) (i32.const 20000)))
