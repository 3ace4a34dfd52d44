(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (drop (call $text (i32.const 0) (i32.const 1)))
  (i32.store (i32.const 1036) (i32.const 178956970))
  (i32.const 1024))
