(data (i32.const 600) "folder.")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $rename_at (call $workspace) (i32.const 600) (i32.const 6) (call $workspace) (i32.const 606) (i32.const 1) (i32.const 3100))
  (call $verdict))
