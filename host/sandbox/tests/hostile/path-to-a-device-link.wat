(data (i32.const 600) "link-zero")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $open (i32.const 600) (i32.const 9))
  (call $verdict))
