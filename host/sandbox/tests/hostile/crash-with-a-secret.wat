(data (i32.const 600) "password=hunter2")
(func $hunter2_is_the_password (unreachable))
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32) (call $hunter2_is_the_password) (i32.const 600))
