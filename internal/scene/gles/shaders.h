// The shaders. Everything is decided at the vertices: a facet has one colour, so that a CPU can fill it at full speed.
#ifndef NEARLIGHT_SCENE_SHADERS_H
#define NEARLIGHT_SCENE_SHADERS_H

// Off screen, rows go from the top and red and blue change places: what is read back is what an X server takes.
#define SHADER_HEAD_WINDOW "#version 300 es\n#define UP 1.0\n#define PIXEL(c) c\n"
#define SHADER_HEAD_OFFSCREEN "#version 300 es\n#define UP -1.0\n#define PIXEL(c) c.bgra\n"

static const char *const solid_vertex =
	"precision highp float;\n"
	"layout(location = 0) in vec3 a_position;\n"
	"layout(location = 1) in vec4 a_normal;\n" // w: water
	"layout(location = 2) in vec4 a_colour;\n" // a: glow
	"uniform mat4 u_view, u_model;\n"
	"uniform vec3 u_sun, u_sunlight, u_skylight, u_bounce, u_zenith, u_warm, u_far, u_glow;\n"
	"uniform vec3 u_air;\n" // haze, time, falloff
	"flat out lowp vec4 v_colour;\n"
	// As scene.Light.Sky.
	"vec3 sky(vec3 d) {\n"
	"	float to_sun = max(dot(d, u_sun), 0.0);\n"
	"	vec3 horizon = mix(u_far, u_warm, to_sun * to_sun);\n"
	"	float low = 1.0 / (1.0 + u_air.z * max(d.y, 0.0));\n"
	"	float fourth = to_sun * to_sun * to_sun * to_sun;\n"
	"	float sixteenth = fourth * fourth * fourth * fourth;\n"
	"	return mix(horizon, u_zenith, 1.0 - low * low * low) + u_glow * (sixteenth * fourth);\n"
	"}\n"
	"void main() {\n"
	"	vec3 at = (u_model * vec4(a_position, 1.0)).xyz;\n"
	"	gl_Position = u_view * vec4(at, 1.0);\n"
	"	gl_Position.y *= UP;\n"
	"	vec3 normal = mat3(u_model) * a_normal.xyz;\n"
	"	float far = length(at);\n"
	"	vec3 ray = at / far;\n"
	"	vec3 colour;\n"
	"	if (a_normal.w > 0.0) {\n"
	"		float seed = fract(dot(a_colour.rgb, vec3(91.7, 173.3, 57.1)) + a_position.x * 0.37 + a_position.z * 0.71);\n"
	"		vec2 ripple = abs(fract(vec2(u_air.y * 0.27 + seed, u_air.y * 0.21 + seed * 3.0)) - 0.5) * 4.0 - 1.0;\n"
	"		normal = vec3(ripple.x * 0.05, 1.0, ripple.y * 0.07);\n" // near enough to unit length
	"		vec3 mirrored = reflect(ray, normal);\n"
	"		float grazing = 1.0 - max(dot(-ray, normal), 0.0);\n"
	"		float gloss = 0.06 + 0.80 * grazing * grazing * grazing;\n"
	"		float square = dot(mirrored, u_sun);\n"
	"		square = square * max(square, 0.0);\n"
	"		float low = 1.0 / (1.0 + u_air.z * abs(mirrored.y));\n"
	"		vec3 above = mix(mix(u_far, u_warm, square), u_zenith, 1.0 - low * low * low);\n"
	"		colour = mix(a_colour.rgb * (u_skylight + 0.35 * u_sunlight), above, gloss);\n"
	"		float eighth = square * square * square * square;\n"
	"		float glint = eighth * eighth * eighth;\n"
	"		colour += u_sunlight * (clamp(far / 160.0, 0.2, 0.9) * glint * glint * glint * glint);\n" // the cosine's 96th power
	"	} else {\n"
	"		vec3 around = mix(u_bounce, u_skylight, normal.y * 0.5 + 0.5);\n"
	"		colour = a_colour.rgb * (u_sunlight * max(dot(normal, u_sun), 0.0) + around);\n"
	"		colour = mix(colour, a_colour.rgb, a_colour.a);\n"
	"	}\n"
	"	float haze = far * far * u_air.x * u_air.x;\n"
	"	float clear = 1.0 / (1.0 + haze * (1.0 + haze * (0.5 + haze * 0.1667)));\n" // about exp(-haze)
	"	colour = mix(sky(normalize(vec3(ray.x, 0.01, ray.z))), colour, clear);\n"
	"	v_colour = vec4(clamp(colour, 0.0, 1.0), 1.0);\n"
	"}\n";

static const char *const solid_fragment =
	"flat in lowp vec4 v_colour;\n"
	"out lowp vec4 pixel;\n"
	"void main() { pixel = PIXEL(v_colour); }\n";

static const char *const smooth_vertex =
	"precision highp float;\n"
	"layout(location = 0) in vec3 a_position;\n"
	"layout(location = 2) in vec4 a_colour;\n"
	"uniform mat4 u_view;\n"
	"out lowp vec4 v_colour;\n"
	"void main() {\n"
	"	gl_Position = u_view * vec4(a_position, 1.0);\n"
	"	gl_Position.y *= UP;\n"
	"	v_colour = a_colour;\n"
	"}\n";

static const char *const smooth_fragment =
	"in lowp vec4 v_colour;\n"
	"out lowp vec4 pixel;\n"
	"void main() { pixel = PIXEL(v_colour); }\n";

#endif
