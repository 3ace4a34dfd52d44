(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $poll (i32.const -16) (i32.const 4) (i32.const 3000))
  (unreachable))
