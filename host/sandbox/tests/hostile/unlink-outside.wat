(data (i32.const 600) "../outside/secret.txt")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $unlink_at (call $workspace) (i32.const 600) (i32.const 21) (i32.const 3100))
  (call $verdict))
